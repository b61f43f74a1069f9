/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the program tells of dropped packets, as journal lines: the first of its kind and service at once, those that
 * follow within a minute as one line with their number, so that nobody can wash the journal away by sending packets.
 */
#ifndef MUSTER_PACKETS_H
#define MUSTER_PACKETS_H

#include <muster/event.h>

#include "base.h"
#include "report/status.h"

struct agent;

struct packets {
	struct packets_window {
		int64_t since_ms;                           /* 0: no event lately */
		uint32_t more;                              /* events after the first */
	} window[MUSTER_EVENTS_N][MUSTER_MAX_SERVICES + 1]; /* the last: of no service */
	struct status_sender bad_checksum;                  /* the last whose SYN had one */
};

void packets_event(struct agent *agent, const struct muster_event *event, int64_t now_ms);
/* Closes the windows whose minute is over; called each tick. */
void packets_tick(struct agent *agent, int64_t now_ms);

#endif
