/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A configuration comes into force: planned against the one in force, asked of the capacity gate, saved, applied, on trial if
 * wished, confirmed or rolled back. What is in force is always the current one of the kept ones (kept.h).
 *
 * A change that takes servers out which serve now is taken without more words only when the gate says yes: a line deleted
 * from a file is the quietest way to lose a server. Else `muster apply` takes it on trial (--confirm-within) or by --force.
 * A server that is new in it counts for nothing until its check passes.
 */
#ifndef MUSTER_CHANGE_H
#define MUSTER_CHANGE_H

#include <jansson.h>
#include <stdio.h>

#include "../gate.h"
#include "../orders/orders.h"
#include "kept.h"

struct change_plan {
	struct config *config;
	json_t *services; /* compare.h, with the gate's answer in each */
	size_t single;    /* services that would rest on one server */
	struct gate_reply gate;
	size_t taken_out; /* servers that serve now, and would not */
	char names[256];  /* theirs */
};

/* 0; -EINVAL with the faults of the file in `faults`; -ENOMEM. */
int change_plan_new(struct change_plan **out, struct agent *agent, const char *file, const char *text, FILE *faults);
void change_plan_free(struct change_plan **plan);
/* May it come into force without more words? If not, `why` says what to do. */
bool change_is_plain(const struct change_plan *plan, const char *file, char *why, size_t size);

struct change_request {
	const char *file; /* as the operator named it */
	const char *text;
	const char *owner;
	int64_t confirm_ms; /* 0: no trial */
	bool force;
};

/* Each answers exactly once, now or when the disk has it. */
void change_apply(struct agent *agent, const struct change_request *request, order_done_fn done, void *context);
void change_confirm(struct agent *agent, const char *owner, order_done_fn done, void *context);
void change_roll_back(struct agent *agent, const char *owner, bool force, order_done_fn done, void *context);

/* musterd's own file again, for reload and SIGHUP; a line of the journal either way. 0, -EPERM: refused by gate or trial, or as agent_apply(). */
int change_reload(struct agent *agent, const char *owner, FILE *faults);
/* The file is not in force, and waits for an operator: `why` in words, faults one a line. Shown, and an alert, until another is. */
void change_hold(struct agent *agent, bool reload, const char *why);

/*
 * At the start, before there is a model: which text to run. The file's, unless it was edited so that servers which serve now
 * would go: then the configuration in force before, and the file waits for `muster apply`. A trial whose confirmation was missed is
 * rolled back. `file_text` is the file's, `faults` what is wrong with it (NULL: nothing); *out is owned by the caller.
 */
int change_start(struct agent *agent, const char *dir, const char *file_text, const char *faults, char **out);
/* The configuration in force before, where the file's text has faults. -ENOENT: none is kept; -EINVAL: it has faults as well. */
int change_last(const struct agent *agent, const char *file_text, struct config **out);
/* Called each tick: the trial's deadline, and each second what the clients' packets say of it. */
void change_tick(struct agent *agent);
void change_second(struct agent *agent);

/* What needs attention about the configuration, a sentence without its end; false: nothing. */
bool change_attention(const struct agent *agent, char *out, size_t size);

/* For the rooms of this folder: the text comes into force at once. Faults go to `why`. */
int change_enforce(struct agent *agent, const char *text, char *why, size_t size);
/* Saves what is kept. */
void change_save(struct agent *agent, writer_done_fn done, void *context);
/* Back to the previous one at once, and then saved; `why` for the journal, `done` (or NULL) is told on the loop. 0 or -errno. */
int change_go_back(struct agent *agent, const char *why, const char *owner, writer_done_fn done, void *context);

/* The control API's calls; calls.c. */
struct api_call;
void call_plan(void *context, struct api_call *call);
void call_apply(void *context, struct api_call *call);
void call_confirm(void *context, struct api_call *call);
void call_rollback(void *context, struct api_call *call);

#endif
