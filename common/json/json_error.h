/*
 * What is wrong with a JSON text, for people: where and why.
 *
 * Outcomes of this folder: 0; JSON_BAD (any other that is positive says more), and *error (if
 * given) tells; -ENOMEM (the arena's bound included: it is what bounds a hostile text, so give one
 * that fits what may be read).
 */
#ifndef WEFT_JSON_ERROR_H
#define WEFT_JSON_ERROR_H

enum json_outcome {
    JSON_BAD = 1,
    JSON_UNKNOWN_TYPE, /* of json_client_frame_read() alone; *error tells, too */
};

struct json_error {
    int outcome;    /* an ot_outcome that says what is wrong with a Delta; 0: it is none */
    char text[200]; /* a sentence without full stop; terminated */
};

#endif
