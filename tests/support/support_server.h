/*
 * Private Redis and PostgreSQL servers for tests: each in a directory of its own under /tmp (short,
 * for the sockets' sake), on unix sockets, killed when the test process ends, however it ends.
 *
 * Nothing here knows a client library: commands go through redis-cli and psql. What fails, fails
 * the test at once. Start servers in unchecked fixtures, so that all tests of a case share one.
 */
#ifndef WEFT_SUPPORT_SERVER_H
#define WEFT_SUPPORT_SERVER_H

#include <stdbool.h>

struct support_server;

/*
 * options: redis-server arguments, NULL-terminated; NULL for none. By default no TCP port, no
 * snapshots, appendonly yes, appendfsync always; later options win ("--port", "7000").
 */
struct support_server *support_redis_start(const char *const *options);
/* PostgreSQL with database and user "postgres", trust, fsync off. Runs as user postgres for root.
 */
struct support_server *support_pg_start(void);

/* "unix:/tmp/.../s" for Redis; the socket's directory for PostgreSQL. */
const char *support_server_address(const struct support_server *server);
/* SIGKILL, and waits until it is gone. */
void support_server_kill(struct support_server *server);
/* Starts it again on the same data. */
void support_server_again(struct support_server *server);
/* SIGSTOP and SIGCONT (PostgreSQL: of all its processes). */
void support_server_pause(struct support_server *server);
void support_server_resume(struct support_server *server);
/* Kills it, removes the directory, frees. Returns NULL. */
struct support_server *support_server_stop(struct support_server *server);

/* A free TCP port on loopback. */
int support_port(void);

/*
 * Runs `redis-cli ARGUMENTS` or psql with one statement and returns what it printed, without the
 * last newline; lent until the next call. Arguments are the shell's: quote them.
 */
const char *support_redis_cli(struct support_server *server, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *support_pg_sql(struct support_server *server, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
