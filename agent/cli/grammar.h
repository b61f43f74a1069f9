/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line as data. The one table in grammar.c is what the parser accepts, what `help` prints, and what the man
 * page and the bash completion are made of.
 */
#ifndef MUSTER_CLI_GRAMMAR_H
#define MUSTER_CLI_GRAMMAR_H

#include "../base.h"

/* What a value must be; value.c parses it, completion.c proposes it. */
enum value_type {
	VALUE_FLAG, /* option without a value */
	VALUE_TEXT,
	VALUE_DURATION, /* "30m": number is seconds */
	VALUE_COUNT,    /* 1 and up */
	VALUE_PORT,     /* 1 to 65535 */
	VALUE_WEIGHT,   /* 0 to 256 */
	VALUE_ADDRESS,
	VALUE_ENDPOINT, /* address and port */
	VALUE_WORD,     /* one of `words` */
	VALUE_SERVER,
	VALUE_SERVICE,
	VALUE_INTERFACE,
	VALUE_FILE,
	VALUE_COMMAND, /* words of a command */
};

struct cli_option {
	const char *name; /* without the dashes */
	char letter;      /* 0: none */
	enum value_type type;
	const char *metavar;      /* NULL for a flag */
	const char *const *words; /* VALUE_WORD, NULL-terminated */
	const char *preset;       /* the value where none is given; NULL: none */
	bool required;
	bool hidden; /* for scripts: not in help */
	const char *help;
};

struct cli_argument {
	enum value_type type;
	const char *metavar;
	bool optional, repeated;
};

struct session; /* cli.h */

#define CLI_WORDS     2
#define CLI_ARGUMENTS 2
#define CLI_OPTIONS   10

struct cli_command {
	const char *words[CLI_WORDS]; /* "show", "server"; the second NULL for a single word */
	struct cli_argument arguments[CLI_ARGUMENTS];
	const struct cli_option *options[CLI_OPTIONS];
	int (*run)(struct session *session); /* an exit status */
	const char *help;                    /* one line, no period */
	const char *detail;                  /* what the man page adds; NULL: nothing */
};

extern const struct cli_command cli_commands[];
extern const size_t cli_n_commands;
extern const struct cli_option *const cli_globals[]; /* NULL-terminated */

/* Exit statuses, in one list. */
/* clang-format off */
#define CLI_EXITS(X) \
	X(DONE,      0, "done, or nothing had to be done") \
	X(USAGE,     1, "the command line is wrong") \
	X(FAILED,    2, "it failed, or no agent answers") \
	X(REFUSED,   3, "refused: it would take capacity that is needed") \
	X(NOT_FOUND, 4, "no such service, server or interface")
/* clang-format on */
enum cli_exit {
#define X(NAME, number, text) CLI_##NAME = number,
	CLI_EXITS(X)
#undef X
};

#define CLI_SOCKET "/run/muster/muster.sock"
#define CLI_PINS   "/sys/fs/bpf/xdp/globals"

#endif
