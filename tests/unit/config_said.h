/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a configuration from text, and keeps what was said about its faults. */
#ifndef MUSTER_TESTS_CONFIG_SAID_H
#define MUSTER_TESTS_CONFIG_SAID_H

#include <stdio.h>

#include "config.h"

static char *said; /* all fault lines of the last parse */

static int parse(const char *text, struct config **out)
{
	size_t size = 0;
	FILE *faults;
	int r;

	free(said);
	said = NULL;
	faults = open_memstream(&said, &size);
	r = config_parse(text, strlen(text), "m.yaml", faults, out);
	fclose(faults);
	return r;
}

#endif
