/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the words of a command line to a command and its values, by the table of grammar.h. No I/O but error text. */
#ifndef MUSTER_CLI_PARSE_H
#define MUSTER_CLI_PARSE_H

#include <stdio.h>
#include <muster/maps.h>

#include "grammar.h"

struct cli_value {
	const char *text; /* as typed; NULL: not given, and no preset */
	int64_t number;   /* seconds, count, port, weight, or the index of the word */
	bool given;       /* by the operator */
};

#define CLI_GLOBALS 10

struct cli_request {
	const struct cli_command *command; /* NULL: none was typed */
	struct cli_value arguments[CLI_ARGUMENTS];
	struct cli_value options[CLI_OPTIONS]; /* as in the command */
	struct cli_value globals[CLI_GLOBALS]; /* as in cli_globals */
	char *const *rest;                     /* a repeated argument's words */
	size_t n_rest;
};

/*
 * argv without the program's name; may be reordered. On failure -EINVAL, with what is wrong and what is accepted on
 * `errors`, a line or more.
 */
int cli_parse(size_t n, char **argv, struct cli_request *out, FILE *errors);

/* By name; the option must be in the table. */
const struct cli_value *cli_option(const struct cli_request *request, const char *name);

/* The commands that begin with these words (abbreviated where unambiguous); for help. Returns how many. */
size_t cli_commands_of(char *const *words, size_t n, const struct cli_command **out, size_t size, FILE *errors);

#endif
