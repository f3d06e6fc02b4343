/*
 * Limits of the protocol and of documents, which all parts of Weft agree on (rows: conf_limit.h).
 * Those that a gateway may set lower are in its own table; here stands the most.
 */
#ifndef WEFT_WIRE_LIMITS_H
#define WEFT_WIRE_LIMITS_H

#define WIRE_OP_BYTES_MAX (256u << 10)
#define WIRE_OP_COMPONENTS_MAX 65536u
#define WIRE_FRAME_BYTES_MAX (1u << 20)
#define WIRE_DOCUMENT_BYTES_MAX (32u << 20)
#define WIRE_CHUNK_BYTES_MAX (64u << 10)
#define WIRE_PRESENCE_BYTES_MAX 1024u
#define WIRE_PRESENCE_PER_S_MAX 20u
#define WIRE_DOCUMENTS_MAX 1000u
#define WIRE_DOC_SIZE_MAX 128
#define WIRE_TITLE_BYTES_MAX 1024u
#define WIRE_SUBJECT_BYTES_MAX 128u
#define WIRE_PERMISSIONS_MAX 1000u

#define WIRE_LIMITS(F)                                                                             \
    F(BYTES, "document-max", WIRE_DOCUMENT_BYTES_MAX,                                              \
      "Text of a document. Welcome: document_bytes_max.", "the document",                          \
      "the op is refused: document-too-large",                                                     \
      "weft_gateway_client_errors_total{error=\"document-too-large\"}",                            \
      "one who fills a document until nobody can load it")                                         \
    F(BYTES, "doc-id-max", WIRE_DOC_SIZE_MAX, "A document's id. Welcome: doc_id_bytes_max.",       \
      "the document", "the open is refused: bad-doc-id",                                           \
      "weft_gateway_limits_total{limit=\"doc-id-max\"}", "ids as a place to keep data")            \
    F(BYTES, "title-max", WIRE_TITLE_BYTES_MAX, "A document's title. Welcome: title_bytes_max.",   \
      "the document", "the change is refused: bad-title",                                          \
      "weft_gateway_limits_total{limit=\"title-max\"}", "titles as a place to keep data")          \
    F(BYTES, "subject-max", WIRE_SUBJECT_BYTES_MAX, "Whom a permission is about.", "the document", \
      "the change is refused: bad-permission", "weft_worker_limits_total{limit=\"subject-max\"}",  \
      "permissions as a place to keep data")                                                       \
    F(INT, "permissions-max", WIRE_PERMISSIONS_MAX, "Permissions of a document.", "the document",  \
      "the change is refused: bad-permission",                                                     \
      "weft_worker_limits_total{limit=\"permissions-max\"}",                                       \
      "permissions as a place to keep data")

#endif
