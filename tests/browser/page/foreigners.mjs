/** Others, who type single keys at both ends of a document, each key a revision of its own. */
import { connect } from "@weft/client";

/** Resolves when all `signs` are in; one client has one op on its way, so there are several. */
export async function foreigners(url, id, signs, clients = 10) {
  let next = 0;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      const client = connect({ urls: url, storage: "memory" });
      const doc = client.open(id);
      await doc.ready;
      while (next < signs.length) {
        const insert = signs[next++];
        doc.submit(next % 2 ? [{ insert }] : [{ retain: doc.length - 1 }, { insert }]);
        await doc.saved();
      }
      await client.close();
    }),
  );
}
