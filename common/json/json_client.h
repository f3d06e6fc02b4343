/*
 * The client protocol as JSON text, WebSocket subprotocol weft.v1.json: the same messages as
 * proto/client.proto, one object per WebSocket text message, for people at a terminal and for load
 * tools that know no protobuf. docs/protocol.md lists every message and member.
 *
 * How the parts look:
 *   bytes (sessions, authors, hashes)  lower-case hex
 *   ids, titles, tokens                strings
 *   a position                         {"rev": 3, "hash": "…32 hex digits…"}
 *   ops and contents                   arrays of Delta components (json_delta.h)
 *   presence                           "data": any JSON value; its canonical bytes are what the
 * binary variant carries. Bytes that are no canonical JSON come as "data_base64": base64url numbers
 * up to 2^53
 */
#ifndef WEFT_JSON_CLIENT_H
#define WEFT_JSON_CLIENT_H

#include "json_error.h"
#include "wire_client.h"

/*
 * One message of a client. A member that is not known, or a message of an unknown type, is refused:
 * a person who mistypes is told (the latter as JSON_UNKNOWN_TYPE). The result lives in mem and does
 * not borrow text.
 */
MUST_CHECK int json_client_frame_read(struct arena *mem, struct slice text,
                                      struct wire_client_frame *ret, struct json_error *error);

/*
 * Append one message. JSON_BAD: the frame holds bytes that are not what they should be (an op that
 * is none, text that is not UTF-8), and out is to be thrown away; -ENOMEM; the caller also tests
 * out->failed. `mem` holds what is decoded meanwhile.
 */
MUST_CHECK int json_client_frame_write(struct arena *mem, const struct wire_client_frame *frame,
                                       struct bytes *out);
MUST_CHECK int json_server_frame_write(struct arena *mem, const struct wire_server_frame *frame,
                                       struct bytes *out);

/*
 * What the Chunks of a large Opened carry, joined: {"content":[…],"title":"…"} or
 * {"records":[…]}. (In a small one the same members stand in the message itself.)
 */
MUST_CHECK int json_payload_write(struct arena *mem, const struct wire_opened *opened,
                                  struct bytes *out);

#endif
