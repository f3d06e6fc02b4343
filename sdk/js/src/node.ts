/** What the SDK has for Node alone. */
export { fileStorage } from "./store/file.ts";
