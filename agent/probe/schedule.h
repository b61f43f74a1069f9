/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a probe starts next. Pure: now and chance come in. */
#ifndef MUSTER_PROBE_SCHEDULE_H
#define MUSTER_PROBE_SCHEDULE_H

#include "probe.h"

/* Memory sources have no jitter of their own to configure. */
#define SCHEDULE_MEMORY_JITTER_PCT 10
/* Servers nothing is known of are asked at once, but not in one burst that would make each other late. */
#define SCHEDULE_HURRY_GAP_US 500

/* xorshift64*; the state is never 0. For spreading, not for secrets. */
uint64_t schedule_random(uint64_t *state);

int64_t schedule_interval_us(const struct probe_spec *spec, bool fast);

/* A random point of the coming interval. */
int64_t schedule_first_us(const struct probe_spec *spec, int64_t now_us, uint64_t *random);

/*
 * The start after the one that was due at `due_us`: an interval later, with jitter. When that is past already (the
 * agent was stopped, the host slept), at a random point of an interval from now, so that not all come at once.
 */
int64_t schedule_next_us(const struct probe_spec *spec, bool fast, int64_t due_us, int64_t now_us, uint64_t *random);

#endif
