#include "obs_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "hash.h"

/* A record under construction. What does not fit is left out; room for the end is kept. */
#define TAIL "...\"}\n"
struct line {
    bool json;
    bool full;
    size_t size;
    char data[OBS_LOG_SIZE_MAX];
};

static void put(struct line *l, const char *data, size_t size)
{
    if (l->full || size > OBS_LOG_SIZE_MAX - sizeof TAIL - l->size) {
        l->full = true;
        return;
    }
    memcpy(l->data + l->size, data, size);
    l->size += size;
}

static void put_str(struct line *l, const char *s)
{
    put(l, s, strlen(s));
}

/*
 * Inside quotes. Controls and bytes above ASCII are escaped one by one, so that no peer can forge a
 * second record or confuse a terminal; JSON has no \x, so there a byte is shown as its code point.
 */
static void put_escaped(struct line *l, struct slice s)
{
    for (size_t i = 0; i < s.size && !l->full; i++) {
        char text[8] = {(char)s.data[i]};
        if (s.data[i] == '"' || s.data[i] == '\\')
            snprintf(text, sizeof text, "\\%c", s.data[i]);
        else if (s.data[i] < ' ' || s.data[i] >= 0x7f)
            snprintf(text, sizeof text, l->json ? "\\u%04x" : "\\x%02x", s.data[i]);
        put_str(l, text);
    }
}

static bool plain(struct slice s)
{
    for (size_t i = 0; i < s.size; i++) {
        if (s.data[i] <= ' ' || s.data[i] >= 0x7f || strchr("\"\\=", s.data[i]))
            return false;
    }
    return s.size > 0;
}

static void put_key(struct line *l, const char *key)
{
    put_str(l, l->json ? ",\"" : " ");
    put_str(l, key);
    put_str(l, l->json ? "\":" : "=");
}

static void put_text(struct line *l, struct slice s)
{
    if (!l->json && plain(s) && s.size <= OBS_LOG_VALUE_SIZE_MAX) {
        put(l, (const char *)s.data, s.size);
        return;
    }
    bool cut = s.size > OBS_LOG_VALUE_SIZE_MAX;
    put_str(l, "\"");
    put_escaped(l, slice_of(s.data, cut ? OBS_LOG_VALUE_SIZE_MAX : s.size));
    put_str(l, cut ? "...\"" : "\"");
}

static void put_u64(struct line *l, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    put_key(l, key);
    put_str(l, text);
}

static void put_field(struct line *l, const struct obs_field *f)
{
    char text[24];
    switch (f->kind) {
    case OBS_FIELD_U64:
        put_u64(l, f->key, f->u64);
        break;
    case OBS_FIELD_I64:
        snprintf(text, sizeof text, "%" PRId64, (int64_t)f->u64);
        put_key(l, f->key);
        put_str(l, text);
        break;
    case OBS_FIELD_TEXT:
        put_key(l, f->key);
        put_text(l, f->text);
        break;
    case OBS_FIELD_BOOT:
        snprintf(text, sizeof text, "%016" PRIx64, f->u64);
        put_key(l, f->key);
        put_text(l, slice_str(text));
        break;
    case OBS_FIELD_DOC:
        obs_doc_tag(f->text, text);
        put_key(l, f->key);
        put_text(l, slice_str(text));
        break;
    }
}

static void put_time(struct line *l, uint64_t now_us)
{
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm tm = {0};
    char text[80];
    gmtime_r(&seconds, &tm);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06uZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
             (unsigned)(now_us % 1000000));
    put_str(l, text);
}

static void put_start(struct line *l, uint64_t now_us, enum obs_level level, const char *code)
{
    put_str(l, l->json ? "{\"time\":\"" : "");
    put_time(l, now_us);
    put_str(l, l->json ? "\",\"level\":\"" : " ");
    put_str(l, obs_level_name(level));
    put_str(l, l->json ? "\",\"event\":\"" : " ");
    put_str(l, code);
    put_str(l, l->json ? "\"" : "");
}

/* Fields do not end in the middle of a number or a quoted text: what would be cut is taken back. */
static void put_fields(struct line *l, const struct obs_field *fields, size_t count)
{
    for (size_t i = 0; i < count && !l->full; i++) {
        size_t before = l->size;
        put_field(l, &fields[i]);
        if (l->full)
            l->size = before;
    }
}

static void put_words(struct line *l, const char *words)
{
    if (l->full || !*words)
        return;
    size_t before = l->size;
    put_key(l, "msg");
    put_str(l, "\"");
    if (l->full) {
        l->size = before;
        return;
    }
    put_escaped(l, slice_str(words));
    if (l->full) {
        memcpy(l->data + l->size, "...", 3);
        l->size += 3;
        l->full = false;
    }
    l->data[l->size++] = '"';
}

static void write_line(struct obs_log *log, struct line *l)
{
    ssize_t n;
    if (l->json)
        l->data[l->size++] = '}';
    l->data[l->size++] = '\n';
    do {
        n = write(log->config.fd, l->data, l->size);
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)l->size)
        log->lost++;
}

static struct obs_log_code *account_of(struct obs_log *log, const char *code)
{
    for (size_t i = 0; i < log->code_count; i++) {
        if (log->codes[i].code == code || strcmp(log->codes[i].code, code) == 0)
            return &log->codes[i];
    }
    if (log->code_count == OBS_LOG_CODES_MAX)
        return &log->codes[OBS_LOG_CODES_MAX];
    log->codes[log->code_count].code = code;
    return &log->codes[log->code_count++];
}

/* True if one more may be written in this second. */
static bool charge(struct obs_log *log, struct obs_log_code *account, uint64_t second)
{
    if (account->second != second) {
        account->second = second;
        account->written = 0;
    }
    if (log->config.per_second && account->written >= log->config.per_second) {
        account->suppressed++;
        log->suppressed++;
        return false;
    }
    account->written++;
    return true;
}

void obs_log_init(struct obs_log *log, const struct obs_log_config *config)
{
    *log = (struct obs_log){.config = *config};
    log->codes[OBS_LOG_CODES_MAX].code = "other";
}

static void write_record(struct obs_log *log, struct obs_log_code *account, uint64_t now_us,
                         const char *code, const struct obs_field *fields, size_t count,
                         const char *words)
{
    struct line l;
    l.json = log->config.format == OBS_LOG_JSON;
    l.full = false;
    l.size = 0;
    put_start(&l, now_us, account->level, code);
    if (account->suppressed) {
        put_u64(&l, "suppressed", account->suppressed);
        account->suppressed = 0;
    }
    put_fields(&l, fields, count);
    put_words(&l, words);
    write_line(log, &l);
}

void obs_log_event(struct obs_log *log, enum obs_level level, const char *code,
                   const struct obs_field *fields, size_t count, const char *words, ...)
{
    if (level < log->config.level)
        return;
    uint64_t now_us = log->config.now_us(log->config.context);
    struct obs_log_code *account = account_of(log, code);
    account->level = level;
    if (!charge(log, account, now_us / 1000000))
        return;
    char text[OBS_LOG_SIZE_MAX];
    va_list arguments;
    va_start(arguments, words);
    vsnprintf(text, sizeof text, words, arguments);
    va_end(arguments);
    write_record(log, account, now_us, code, fields, count, text);
}

void obs_log_flush(struct obs_log *log)
{
    uint64_t now_us = log->config.now_us(log->config.context);
    for (size_t i = 0; i <= OBS_LOG_CODES_MAX; i++) {
        struct obs_log_code *account = &log->codes[i];
        if (account->suppressed && account->second != now_us / 1000000)
            write_record(log, account, now_us, account->code, NULL, 0, "");
    }
}

const char *obs_level_name(enum obs_level level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    MUST((unsigned)level < sizeof names / sizeof *names);
    return names[level];
}

void obs_doc_tag(struct slice doc_id, char ret[OBS_DOC_TAG_SIZE + 1])
{
    snprintf(ret, OBS_DOC_TAG_SIZE + 1, "%012" PRIx64, hash_stable(doc_id.data, doc_id.size) >> 16);
}
