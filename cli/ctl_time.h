/* Times as people write them. */
#ifndef WEFT_CTL_TIME_H
#define WEFT_CTL_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* 2026-11-24T13:45:39.123Z and a terminator. */
#define CTL_TIME_TEXT 25

/* Unix time in ms; what has more than four digits of year comes out as the last moment of 9999. */
const char *ctl_time_text(uint64_t ms, char text[CTL_TIME_TEXT]);
/*
 * UTC: 2026-11-24, 2026-11-24T13:45, with :39, with .123, with Z or without; or how long ago: 90s,
 * 10m, 2h, 3d. False: none of these.
 */
bool ctl_time_parse(const char *text, uint64_t now_ms, uint64_t *ret_ms);
/* The wall clock. */
uint64_t ctl_time_now_ms(void);

#endif
