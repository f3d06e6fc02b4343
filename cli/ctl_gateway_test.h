/*
 * A gateway with one document, "doc", in a process of its own: the servers of the tests of
 * common/conn and common/client, put together. It can lose the connection where it hurts.
 */
#ifndef WEFT_CTL_GATEWAY_TEST_H
#define WEFT_CTL_GATEWAY_TEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct gateway_plan {
    bool exists; /* the document: rich, "\n" */
    /* The first so many Submits end the connection: unheard, or after they were appended. */
    unsigned drop_before, drop_after;
    /* The first so many Opens are answered by this error. */
    unsigned refuse_opens;
    uint32_t refusal;
};

struct gateway {
    pid_t pid;
    char url[64];
};

void gateway_start(struct gateway *g, const struct gateway_plan *plan);
void gateway_stop(struct gateway *g);

#endif
