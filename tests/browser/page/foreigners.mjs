/** Others, who type single keys at both ends of a document or all over it, each a revision of its own. */
import { connect } from "@weft/client";

/** Resolves when all `signs` are in; one client has one op on its way, so there are several. */
export async function foreigners(url, id, signs, scattered, clients = 10) {
  let next = 0;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      const client = connect({ urls: url, storage: "memory" });
      const doc = client.open(id);
      await doc.ready;
      while (next < signs.length) {
        const insert = signs[next++];
        const at = scattered ? (next * 7919) % doc.length : next % 2 ? 0 : doc.length - 1;
        doc.submit(at ? [{ retain: at }, { insert }] : [{ insert }]);
        await doc.saved();
      }
      await client.close();
    }),
  );
}
