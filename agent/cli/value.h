/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Typed values of the command line. */
#ifndef MUSTER_CLI_VALUE_H
#define MUSTER_CLI_VALUE_H

#include "grammar.h"

/*
 * Checks `text` against its type and sets *number where the type has one. On failure -EINVAL, and `why` says what is
 * accepted, ready to follow the quoted input: "'5x' is not a duration: give ...".
 */
int value_parse(enum value_type type, const char *const *words, const char *text, int64_t *number, char *why, size_t n);

/* "90", "90s", "30m", "2h", "1d", "1h30m" to seconds, 1 s to 366 d. */
int value_duration(const char *text, int64_t *seconds);

/* The index of the word that `text` is or abbreviates; -ENOENT, or -E2BIG when it could be several. */
int value_word(const char *const *words, const char *text);

#endif
