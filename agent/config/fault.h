/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The faults of one configuration file: gathered in any order, printed sorted by position. */
#ifndef MUSTER_CONFIG_FAULT_H
#define MUSTER_CONFIG_FAULT_H

#include <stdio.h>

#include "../base.h"

/* More than anybody reads; a file of nothing but faults must not take memory without limit. */
#define FAULTS_MOST 1000
/* Room for a quoted piece of bad input, and for a list of possible words. */
#define FAULT_QUOTE_SIZE 64
#define FAULT_WORDS_SIZE 512

struct fault {
	unsigned line, column; /* from 1 */
	unsigned order;        /* in which they were found: faults at one position keep it */
	char *text;
};

struct faults {
	struct fault *list;
	size_t n, room;
	size_t more; /* beyond FAULTS_MOST */
	bool no_memory;
};

void faults_clear(struct faults *faults);

/* Adds "what, and what to do": no position, no newline. */
void fault_add(struct faults *faults, unsigned line, unsigned column, const char *format, ...) _printf_(4, 5);

/* Writes every fault as "file:line:column: text". */
void faults_print(struct faults *faults, const char *file, FILE *out);

/* Bad input between quotes, control characters escaped, cut to fit; buf has FAULT_QUOTE_SIZE bytes; returns buf. */
const char *fault_quote(const char *text, char *buf);

/* Which of the words was most likely meant; -1: none is near. */
int fault_nearest(const char *word, const char *const *words, size_t n);

/*
 * "did you mean 'interval'? Possible keys: interval, fast_interval, ...", the nearest to `word` first; `what` is "keys"
 * or "values". buf has FAULT_WORDS_SIZE bytes; returns buf.
 */
const char *fault_words(const char *word, const char *what, const char *const *words, size_t n, char *buf);

#endif
