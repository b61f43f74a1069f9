/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A lab tool's command line, taken by the table of its options. The tool says its `usage` before it includes this. */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define OPTIONS_MOST 32

/* An option, and the one place where its value goes. */
struct option_row {
	const char *name;
	bool *flag;
	const char **text;
	uint64_t *number;
	int64_t *time; /* a number of `unit` */
	int64_t unit;
	uint64_t *bytes; /* K and M may stand behind */
	void (*take)(const char *text);
};

static void options_fail(const char *what, const char *text)
{
	fprintf(stderr, "%s: %s: \"%s\"\n%s", program_invocation_short_name, what, text, usage);
	exit(1);
}

static uint64_t options_number(const char *text, bool bytes)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10);
	bool digits = end != text && text[0] != '-';

	if (bytes && digits && *end == 'K')
		n <<= 10, end++;
	else if (bytes && digits && *end == 'M')
		n <<= 20, end++;
	if (!digits || *end)
		options_fail(bytes ? "not a number of bytes, with K or M behind when wanted" : "not a number", text);
	return n;
}

static void options_take(const struct option_row *row, const char *text)
{
	if (row->flag)
		*row->flag = true;
	else if (row->text)
		*row->text = text;
	else if (row->number)
		*row->number = options_number(text, false);
	else if (row->time)
		*row->time = (int64_t)options_number(text, false) * row->unit;
	else if (row->bytes)
		*row->bytes = options_number(text, true);
	else
		row->take(text);
}

/* Ends the program where a word is none of the options, or has no such value. */
static void options_parse(const struct option_row *rows, size_t n, int argc, char **argv)
{
	struct option options[OPTIONS_MOST + 1] = {0};
	int i;

	for (size_t k = 0; k < n && k < OPTIONS_MOST; k++)
		options[k] =
			(struct option){rows[k].name, rows[k].flag ? no_argument : required_argument, NULL, (int)k};
	while ((i = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (i == '?') {
			fputs(usage, stderr);
			exit(1);
		}
		options_take(&rows[i], optarg);
	}
	if (optind != argc)
		options_fail("not an option", argv[optind]);
}

#endif
