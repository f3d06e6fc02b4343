/*
 * For tests and fuzzing only: takes any bytes for ops and MUSTs the laws on whatever of them is
 * one.
 *
 * The bytes are four ops in binary form, each behind a length of two bytes (big-endian, cut to what
 * is there): a document, a and b on it, c on what a makes of it.
 */
#ifndef WEFT_OT_JUDGE_H
#define WEFT_OT_JUDGE_H

#include "bytes.h"

/* How far the bytes got: 0: no document … 4: all laws checked. */
int ot_judge(struct slice bytes);

#endif
