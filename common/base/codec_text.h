/* Bytes as text and back: hex (lower case) and base64url without padding (RFC 4648, section 5). */
#ifndef WEFT_CODEC_TEXT_H
#define WEFT_CODEC_TEXT_H

#include "bytes.h"

void hex_append(struct bytes *out, struct slice in);
/* Decodes into out (in.size / 2 bytes). False on odd length or a foreign character. */
bool hex_decode(struct slice in, uint8_t *out);

void base64url_append(struct bytes *out, struct slice in);
/* Appends the decoded bytes. False on a foreign character, a bad length or stray low bits. */
bool base64url_decode(struct bytes *out, struct slice in);

#endif
