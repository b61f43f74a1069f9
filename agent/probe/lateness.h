/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How late probes start: a histogram of the last 30 to 60 seconds, in two halves that take turns. */
#ifndef MUSTER_PROBE_LATENESS_H
#define MUSTER_PROBE_LATENESS_H

#include "probe.h"

/* 1 ms wide up to 64 ms, then a bucket each doubling, eight to an octave. */
#define LATENESS_FINE    64
#define LATENESS_BUCKETS (LATENESS_FINE + 8 * 16)
#define LATENESS_HALF_MS 30000

struct lateness {
	struct lateness_half {
		int64_t since_ms;
		uint64_t started;
		int32_t max_ms;
		uint32_t count[LATENESS_BUCKETS];
	} half[2];
	unsigned now; /* the half that is written */
};

void lateness_add(struct lateness *lateness, int32_t late_ms, int64_t now_ms);
void lateness_read(const struct lateness *lateness, int64_t now_ms, struct prober_lateness *out);

#endif
