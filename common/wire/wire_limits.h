/* Limits that a peer meets (design: Limits); the defaults. */
#ifndef WEFT_WIRE_LIMITS_H
#define WEFT_WIRE_LIMITS_H

#define WIRE_OP_BYTES_MAX (256u << 10)
#define WIRE_FRAME_BYTES_MAX (1u << 20)
#define WIRE_DOCUMENT_BYTES_MAX (32u << 20)
#define WIRE_CHUNK_BYTES_MAX (64u << 10)
#define WIRE_PRESENCE_BYTES_MAX 1024u
#define WIRE_PRESENCE_PER_S_MAX 20u
#define WIRE_DOCUMENTS_MAX 1000u
#define WIRE_TITLE_BYTES_MAX 1024u
#define WIRE_SUBJECT_BYTES_MAX 128u
#define WIRE_PERMISSIONS_MAX 1000u

#endif
