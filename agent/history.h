/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each server carried (policy/history.h), kept by service and name: over a change of the configuration, over a removal and
 * a return within a day, and on disk over a restart. Saved each minute, and at the end.
 */
#ifndef MUSTER_HISTORY_H
#define MUSTER_HISTORY_H

#include <muster/maps.h>

#include "base.h"
#include "policy/history.h"

struct history_of {
	char service[MUSTER_NAME_SIZE], server[MUSTER_NAME_SIZE];
	int64_t seen_ms; /* wall clock: when it was last in a pool */
	struct history history;
};

struct histories {
	struct history_of **of; /* each where it is as long as it is kept */
	size_t n;
};

/* The history of (service, server); made where there is none. NULL: no memory. */
struct history *histories_get(struct histories *histories, const char *service, const char *server);
/* Drops those not seen for a day. */
void histories_age(struct histories *histories, int64_t wall_ms);
void histories_free(struct histories **histories);

/* As text, owned by the caller, for this boot; NULL: no memory. */
char *histories_format(const struct histories *histories, const char *boot_id);
/*
 * From the text of an earlier save (NULL: none). What another boot counted cannot be gone on from. What is damaged is left
 * out: a history is no reason not to start. Of the form before this one spans are read, without what failed, and of an hour no
 * more flows than its busiest minute had. Returns how many servers it knows, -EINVAL when nothing could be read.
 */
int histories_parse(const char *text, const char *boot_id, struct histories **out);

struct agent;

int history_start(struct agent *agent, const char *dir);
/* Called each second, after the counters were read. */
void history_second(struct agent *agent);
/* Once more, at the end. */
void history_stop(struct agent *agent);

#endif
