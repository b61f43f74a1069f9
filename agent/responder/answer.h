/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of muster-responder's answers. Pure, and without floating point: glibc may allocate to print it. */
#ifndef MUSTER_RESPONDER_ANSWER_H
#define MUSTER_RESPONDER_ANSWER_H

#include "source.h"

struct responder_clock {
	int64_t wall_ms; /* CLOCK_REALTIME */
	int64_t boot_ms; /* CLOCK_BOOTTIME */
};

/* Each returns the length of what it wrote, at most size - 1. */

/* node_exporter's metrics, Prometheus text 0.0.4. */
size_t responder_metrics(const struct responder_reading *reading, const struct responder_clock *clock, char *out,
			 size_t size);
/* One line of HAProxy's agent-check; what follows '#' is for Muster, HAProxy shows it and acts on nothing of it. */
size_t responder_agent_line(const struct responder_reading *reading, char *out, size_t size);
/* The whole HTTP answer to a request's head; `metrics` is NULL when memory could not be read. */
size_t responder_http(const char *head, const char *metrics, char *out, size_t size);

#endif
