/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Figures and times as people read them, and text that keeps to a width. */
#ifndef MUSTER_CLI_HUMAN_H
#define MUSTER_CLI_HUMAN_H

#include <stdio.h>

#include "../base.h"

#define HUMAN_SIZE 32

/* All write into buf (HUMAN_SIZE bytes) and return it. */
const char *human_bytes(double bytes, char *buf);       /* "1.2 GiB", "0 B" */
const char *human_short_bytes(double bytes, char *buf); /* "1.2M", "0" */
const char *human_rate(double per_s, char *buf);        /* "12.0", "1250", "0" */
const char *human_age(int64_t ms, char *buf);           /* "12s", "3m", "2h 5m", "4d 3h" */
const char *human_number(double value, char *buf);      /* "1", "0.73" */
/* As human_age, to the nearest minute from 90 s: a lease of 10 minutes given just now has "10m" left, not "9m". */
const char *human_left(int64_t ms, char *buf);
/* Local time: "14:02:10" on the day of now_ms, else "2026-11-20 14:02". */
const char *human_time(int64_t wall_ms, int64_t now_ms, char *buf);

/* Of how many bytes the control character is that `text` (of `length`) begins with; 0: with none. */
size_t human_control(const char *text, size_t length);
/* Writes text that came from elsewhere: a control character, which could steer the terminal, becomes '?'. */
void human_print(FILE *out, const char *text, size_t length);

/*
 * Writes words to `out`, breaking before the one that would pass `width` (0: never); the first line starts at column
 * `at`, the others are indented by `indent`. Ends the line.
 */
void human_wrap(FILE *out, size_t width, size_t at, size_t indent, const char *text);

#endif
