export type * from "./api.ts";
export { WeftError } from "./core/errors.ts";
export { newDocId } from "./core/session.ts";
export { connect } from "./shell/client.ts";
