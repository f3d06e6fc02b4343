#include "http1_answer.h"

#include <stdio.h>
#include <time.h>

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

/* Not strftime, whose names of days and months follow the locale. */
void http1_date(uint64_t unix_s, char ret[HTTP1_DATE_SIZE + 1])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const uint64_t last = 253402300799; /* the end of 9999 */
    time_t when = (time_t)(unix_s < last ? unix_s : last);
    struct tm tm;
    char text[96];
    MUST(gmtime_r(&when, &tm));
    snprintf(text, sizeof text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday,
             tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
             tm.tm_sec);
    memcpy(ret, text, HTTP1_DATE_SIZE + 1);
}
