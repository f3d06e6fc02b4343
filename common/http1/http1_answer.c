#include "http1_answer.h"

#include <stdio.h>

const char *http1_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } rows[] = {
        {101, "Switching Protocols"},
        {200, "OK"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].status == status)
            return rows[i].text;
    }
    return "Unknown";
}

void http1_answer_begin(struct bytes *out, int status)
{
    MUST(status >= 100 && status <= 599);
    bytes_printf(out, "HTTP/1.1 %d %s\r\n", status, http1_status_text(status));
}

static bool stays_in_line(struct slice s)
{
    for (size_t i = 0; i < s.size; i++) {
        if ((s.data[i] < ' ' && s.data[i] != '\t') || s.data[i] == 0x7f)
            return false;
    }
    return true;
}

void http1_answer_field(struct bytes *out, const char *name, struct slice value)
{
    if (!stays_in_line(slice_str(name)) || !stays_in_line(value)) {
        out->failed = true;
        return;
    }
    bytes_append_str(out, name);
    bytes_append_str(out, ": ");
    bytes_append_slice(out, value);
    bytes_append_str(out, "\r\n");
}

void http1_answer_field_u64(struct bytes *out, const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    http1_answer_field(out, name, slice_str(text));
}

void http1_answer_end(struct bytes *out)
{
    bytes_append_str(out, "\r\n");
}

void http1_answer_status(struct bytes *out, int status, bool keep_alive, bool head_only)
{
    const char *text = http1_status_text(status);
    http1_answer_begin(out, status);
    http1_answer_field(out, "Content-Type", slice_str("text/plain; charset=utf-8"));
    http1_answer_field_u64(out, "Content-Length", strlen(text) + 1);
    if (!keep_alive)
        http1_answer_field(out, "Connection", slice_str("close"));
    http1_answer_end(out);
    if (!head_only) {
        bytes_append_str(out, text);
        bytes_append_u8(out, '\n');
    }
}

/*
 * Proleptic Gregorian calendar from days since 1970: counted from 1 March of the year 0 in eras of
 * 400 years, so that the leap day is the last of its year and months need no table.
 */
static void civil_of(uint64_t days, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    days += 719468; /* from 0000-03-01 to 1970-01-01 */
    unsigned era = (unsigned)(days / 146097), of_era = (unsigned)(days % 146097);
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * of_year + 2) / 153; /* 0 is March */
    *ret_day = of_year - (153 * month + 2) / 5 + 1;
    *ret_month = month < 10 ? month + 3 : month - 9;
    *ret_year = era * 400 + year + (*ret_month <= 2);
}

void http1_date(uint64_t unix_s, char ret[HTTP1_DATE_SIZE + 1])
{
    static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const uint64_t last = 253402300799; /* the end of 9999 */
    uint64_t when = unix_s < last ? unix_s : last;
    unsigned year, month, day, second = (unsigned)(when % 86400);
    char text[96];
    civil_of(when / 86400, &year, &month, &day);
    snprintf(text, sizeof text, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
             days + 3 * (when / 86400 % 7), day, months + 3 * (month - 1), year, second / 3600,
             second / 60 % 60, second % 60);
    memcpy(ret, text, HTTP1_DATE_SIZE + 1);
}
