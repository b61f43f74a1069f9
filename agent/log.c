// SPDX-License-Identifier: GPL-2.0-or-later
#include "log.h"

#include <stdarg.h>
#include <stdio.h>

static enum log_level limit = LOG_LEVEL_INFO;
static const char *program = "musterd";

void log_set_name(const char *name)
{
	program = name;
}

void log_set_level(enum log_level level)
{
	limit = level;
}

void log_line(enum log_level level, const char *format, ...)
{
	int saved = errno;
	char line[2048];
	va_list ap;

	if (level > limit)
		return;
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>%s\n", level, line);
	else
		fprintf(stderr, "%s: %s\n", program, line);
	errno = saved;
}
