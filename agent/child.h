/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs of the operator's that the agent runs: receivers of alerts, hooks. Each in a process group of its own, with a clean
 * environment, no capability, no descriptor but the three standard ones, a text on its standard input, no arguments and no
 * shell. Killed with its group when it takes too long, and its group when it ends.
 */
#ifndef MUSTER_CHILD_H
#define MUSTER_CHILD_H

#include <systemd/sd-event.h>

#include "base.h"

#define CHILD_FAULT_SIZE 192
#define CHILD_VARIABLES  4

struct children;

struct child_conf {
	const char *command;                    /* its path */
	const char *input;                      /* on its standard input; NULL: nothing */
	const char *variables[CHILD_VARIABLES]; /* "NAME=VALUE", beside PATH and LANG; up to the first NULL */
	int64_t time_ms;
};

int children_new(struct children **out, sd_event *event);
/* Kills what is under way, and tells. */
void children_free(struct children **children);

/* On the loop, once. `fault`: a sentence; "": it ended with status 0. */
typedef void (*child_done_fn)(void *context, const char *fault);

/* 0, or -errno with `fault` (CHILD_FAULT_SIZE), and then `done` is not called. */
int child_start(struct children *children, const struct child_conf *conf, child_done_fn done, void *context,
		char *fault);

#endif
