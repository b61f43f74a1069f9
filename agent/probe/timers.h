/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many deadlines behind one sd-event timer: a binary heap in user space. Probes set and take back several deadlines
 * a check, and none of that costs a system call unless the earliest one moves.
 */
#ifndef MUSTER_PROBE_TIMERS_H
#define MUSTER_PROBE_TIMERS_H

#include <systemd/sd-event.h>

#include "../base.h"

struct timer;
/* Called on the loop when the timer is due; it is not set any more, and may be set again or freed. */
typedef void (*timer_fn)(struct timer *timer, void *context);

/* Embedded in its owner; zeroed = not set. */
struct timer {
	int64_t at_us; /* CLOCK_BOOTTIME */
	size_t place;  /* in the heap, from 1; 0: not set */
	timer_fn fn;
	void *context;
};

struct timers {
	struct timer **heap; /* from index 1 */
	size_t n, room;
	sd_event_source *source;
	bool running; /* the due ones: the source is armed once, after them */
};

int64_t timers_now_us(void);

int timers_init(struct timers *timers, sd_event *event);
/* The timers left must not be used afterwards. */
void timers_done(struct timers *timers);
/* Makes room for `n` timers, so that setting up to that many cannot fail. */
int timers_reserve(struct timers *timers, size_t n);

/* Sets, or moves. Room must have been reserved. */
void timer_set(struct timers *timers, struct timer *timer, int64_t at_us, timer_fn fn, void *context);
void timer_unset(struct timers *timers, struct timer *timer);

#endif
