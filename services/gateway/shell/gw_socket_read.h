/* Shared by gw_socket.c and gw_socket_read.c. */
#ifndef WEFT_GW_SOCKET_READ_H
#define WEFT_GW_SOCKET_READ_H

#include "gw_socket.h"

/* Of IANA's registry, beyond RFC 6455. */
#define GW_CLOSE_UNAUTHORIZED 3000
#define GW_CLOSE_TIMEOUT 3008

void gw_socket_on_read(struct ev_stream *stream, void *arg, struct slice in);

/* REQUEST: sends an answer, whose body may be NULL; then ANSWERING or CLOSING. */
void gw_socket_answer(struct gw_socket *s, const struct bytes *head, struct refbuf *body,
                      bool keep);

/* The one way into CLOSING. */
void gw_socket_set_closing(struct gw_socket *s);
/* Tells the core that the connection is gone, if it does not know. */
void gw_socket_leave_core(struct gw_socket *s);
/* Words, and the end once they are out; without memory for them, at once. Empties them. */
void gw_socket_say_last(struct gw_socket *s, struct bytes *words);
/* A close frame, and the end once it is out. */
void gw_socket_say_close(struct gw_socket *s, uint16_t code, const char *reason);

#endif
