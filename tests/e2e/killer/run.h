/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one run of the killer knows, and its word for a fault. */
#ifndef KILLER_RUN_H
#define KILLER_RUN_H

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "../call.h"
#include "files.h"
#include "promises.h"
#include "turns.h"

#define SOCKET     "/run/muster/muster.sock"
#define LONGEST_MS 20000 /* until something comes true, on a machine that is short of time */

static const char *folder, *config, *other_config, *musterd;
static char *main_text, *other_text;
static struct promises promised;
static struct operation asked; /* NOTHING, or what was asked and not answered */
static struct out out[SERVERS];
static struct journal_check journal;
static struct {
	pid_t pid;
	bool back; /* it has answered, and was looked at */
} agent;
static char shim[4096], strike_path[4096];
static struct {
	int socket; /* 0: none */
	char path[108], usec[32];
	long long patience_ms, heard_ms;
	unsigned pings;
	bool acted;
} watchdog;
static unsigned answered, refused, unanswered, faults;

static void fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void fault(const char *format, ...)
{
	va_list ap;

	faults++;
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf("\n");
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void pause_ms(int ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

#endif
