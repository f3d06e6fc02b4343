/*
 * Structured log: one record per event, with a level, a stable event code, ids as key=value and
 * words. Shells log; libraries and cores return.
 *
 *     obs_log_event(log, OBS_WARN, "frame-bad",
 *                   OBS_FIELDS(obs_u64("conn", id), obs_doc("doc", doc_id)), "closing with %d",
 * code);
 *
 *     2025-06-01T12:00:00.123456Z warn frame-bad conn=12 doc=0f3a5c77aa01 msg="closing with 1002"
 *     {"time":"2025-06-01T12:00:00.123456Z","level":"warn","event":"frame-bad","conn":12,...}
 *
 * Never document text, tokens or session ids; documents by obs_doc, because whoever knows a
 * document's id may open it.
 *
 * Rate limit: of each event code at most `per_second` records in a second are written, so a peer
 * cannot fill the disk or hide other events; the rest is counted, and the next record of that code
 * tells (suppressed=17). obs_log_flush, called every few seconds, tells of codes that fell silent.
 *
 * A record is one write of at most OBS_LOG_SIZE_MAX bytes to a borrowed fd. If it does not fit into
 * a non-blocking pipe or the disk is full the record is lost and counted. No allocation. One thread
 * per struct; several may share an fd, since lines are written whole.
 */
#ifndef WEFT_OBS_LOG_H
#define WEFT_OBS_LOG_H

#include "bytes.h"

#define OBS_LOG_SIZE_MAX 2048
/* A longer text in a field is cut, so that one field cannot push out the others. */
#define OBS_LOG_VALUE_SIZE_MAX 256
/* Codes with an account of their own; what comes later shares one. */
#define OBS_LOG_CODES_MAX 128

enum obs_level { OBS_DEBUG, OBS_INFO, OBS_WARN, OBS_ERROR };
enum obs_log_format { OBS_LOG_TEXT, OBS_LOG_JSON };

struct obs_log_code {
    const char *code; /* borrowed: codes are string literals */
    enum obs_level level;
    uint64_t second;     /* the window */
    uint32_t written;    /* in it */
    uint64_t suppressed; /* not told yet */
};

struct obs_log_config {
    int fd; /* borrowed */
    enum obs_log_format format;
    enum obs_level level;              /* below it nothing is written */
    uint32_t per_second;               /* of each code; 0: no limit */
    uint64_t (*now_us)(void *context); /* microseconds since 1970 */
    void *context;
};

struct obs_log {
    struct obs_log_config config;
    size_t code_count;
    struct obs_log_code codes[OBS_LOG_CODES_MAX + 1]; /* the last is shared by the rest */
    /* counters */
    uint64_t lost;       /* could not be written */
    uint64_t suppressed; /* by the rate limit, in all */
};

enum obs_field_kind { OBS_FIELD_U64, OBS_FIELD_I64, OBS_FIELD_TEXT, OBS_FIELD_DOC, OBS_FIELD_BOOT };

struct obs_field {
    const char *key; /* snake_case literal */
    enum obs_field_kind kind;
    uint64_t u64; /* an I64 too, as two's complement */
    struct slice text;
};

static inline struct obs_field obs_u64(const char *key, uint64_t value)
{
    return (struct obs_field){.key = key, .kind = OBS_FIELD_U64, .u64 = value};
}

static inline struct obs_field obs_i64(const char *key, int64_t value)
{
    return (struct obs_field){.key = key, .kind = OBS_FIELD_I64, .u64 = (uint64_t)value};
}

static inline struct obs_field obs_str(const char *key, const char *value)
{
    return (struct obs_field){.key = key, .kind = OBS_FIELD_TEXT, .text = slice_str(value)};
}

static inline struct obs_field obs_slice(const char *key, struct slice value)
{
    return (struct obs_field){.key = key, .kind = OBS_FIELD_TEXT, .text = value};
}

/* A process' boot id, in 16 hex digits as the members' list in Redis writes it, so that one search
   finds it in all tiers. */
static inline struct obs_field obs_boot(const char *key, uint64_t boot_id)
{
    return (struct obs_field){.key = key, .kind = OBS_FIELD_BOOT, .u64 = boot_id};
}

/* An author id of 8 bytes, in 16 hex digits: what everybody may see of a session. */
static inline struct obs_field obs_author(const char *key, const uint8_t author[8])
{
    uint64_t id = 0;

    for (int i = 0; i < 8; i++)
        id = id << 8 | author[i];
    return obs_boot(key, id);
}

/* Written as the document's tag. */
static inline struct obs_field obs_doc(const char *key, struct slice doc_id)
{
    return (struct obs_field){.key = key, .kind = OBS_FIELD_DOC, .text = doc_id};
}

#define OBS_DOC_TAG_SIZE 12
/* How logs, metrics and dashboards name a document: the upper 48 bits of XXH64(id), in hex. */
void obs_doc_tag(struct slice doc_id, char ret[OBS_DOC_TAG_SIZE + 1]);

#define OBS_FIELDS(...)                                                                            \
    (const struct obs_field[]){__VA_ARGS__},                                                       \
        sizeof((const struct obs_field[]){__VA_ARGS__}) / sizeof(struct obs_field)
#define OBS_NO_FIELDS NULL, 0

/* Copies the configuration. */
void obs_log_init(struct obs_log *log, const struct obs_log_config *config);
void obs_log_event(struct obs_log *log, enum obs_level level, const char *code,
                   const struct obs_field *fields, size_t count, const char *words, ...)
    __attribute__((format(printf, 6, 7)));
/* Writes a record for each code with suppressed records whose second is over. */
void obs_log_flush(struct obs_log *log);
/* "debug", "info", "warn", "error". */
const char *obs_level_name(enum obs_level level);

#endif
