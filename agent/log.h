/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines for the operator on standard error, with the priority prefix of sd-daemon(3) when standard error is
 * the journal's. One line per change of state; everything else is debug.
 */
#ifndef MUSTER_LOG_H
#define MUSTER_LOG_H

#include "base.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* Who writes, in front of each line when standard error is not the journal. Default "musterd". */
void log_set_name(const char *name);
/* Lines above this level are not written. Default LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* Writes one line: no newline in the format. Keeps errno. */
void log_line(enum log_level level, const char *format, ...) _printf_(2, 3);

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)  log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
