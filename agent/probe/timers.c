// SPDX-License-Identifier: GPL-2.0-or-later
#include "timers.h"

#include <assert.h>
#include <time.h>

#include "../log.h"

#define TIMERS_ACCURACY_US 1000

/* As many as are due are run in one turn of the loop, up to this: sockets must not starve behind them. */
#define TIMERS_A_TURN 64

int64_t timers_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void put(struct timers *timers, size_t place, struct timer *timer)
{
	timers->heap[place] = timer;
	timer->place = place;
}

static void sift_up(struct timers *timers, struct timer *timer)
{
	size_t place = timer->place;

	for (; place > 1 && timers->heap[place / 2]->at_us > timer->at_us; place /= 2)
		put(timers, place, timers->heap[place / 2]);
	put(timers, place, timer);
}

static void sift_down(struct timers *timers, struct timer *timer)
{
	size_t place = timer->place, child;

	for (; (child = place * 2) <= timers->n; place = child) {
		if (child < timers->n && timers->heap[child + 1]->at_us < timers->heap[child]->at_us)
			child++;
		if (timers->heap[child]->at_us >= timer->at_us)
			break;
		put(timers, place, timers->heap[child]);
	}
	put(timers, place, timer);
}

/* The sd-event timer follows the head of the heap. sd-event itself defers the system call to the end of the turn. */
static void arm(struct timers *timers)
{
	int r;

	if (timers->running)
		return;
	if (!timers->n) {
		sd_event_source_set_enabled(timers->source, SD_EVENT_OFF);
		return;
	}
	r = sd_event_source_set_time(timers->source, MAX(timers->heap[1]->at_us, 1));
	if (r >= 0)
		r = sd_event_source_set_enabled(timers->source, SD_EVENT_ONESHOT);
	if (r < 0)
		log_error("cannot set the timer of the probes: %s", strerror(-r));
}

static int on_time(sd_event_source *source, uint64_t usec, void *context)
{
	struct timers *timers = context;
	unsigned run;

	(void)source;
	(void)usec;
	timers->running = true;
	for (run = 0; run < TIMERS_A_TURN && timers->n && timers->heap[1]->at_us <= timers_now_us(); run++) {
		struct timer *timer = timers->heap[1];

		timer_unset(timers, timer);
		timer->fn(timer, timer->context);
	}
	timers->running = false;
	arm(timers);
	return 0;
}

int timers_init(struct timers *timers, sd_event *event)
{
	int r;

	*timers = (struct timers){};
	r = sd_event_add_time(event, &timers->source, CLOCK_BOOTTIME, UINT64_MAX, TIMERS_ACCURACY_US, on_time, timers);
	if (r < 0)
		return r;
	sd_event_source_set_description(timers->source, "probe timers");
	return sd_event_source_set_enabled(timers->source, SD_EVENT_OFF);
}

void timers_done(struct timers *timers)
{
	timers->source = sd_event_source_disable_unref(timers->source);
	free(timers->heap);
	*timers = (struct timers){};
}

int timers_reserve(struct timers *timers, size_t n)
{
	struct timer **heap;

	if (n + 1 <= timers->room)
		return 0;
	heap = reallocarray(timers->heap, n + 1, sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	timers->heap = heap;
	timers->room = n + 1;
	return 0;
}

void timer_set(struct timers *timers, struct timer *timer, int64_t at_us, timer_fn fn, void *context)
{
	struct timer *head = timers->n ? timers->heap[1] : NULL;
	int64_t head_us = head ? head->at_us : 0;

	if (!timer->place) {
		assert(timers->n + 1 < timers->room);
		timer->place = ++timers->n;
	}
	timer->at_us = at_us;
	timer->fn = fn;
	timer->context = context;
	sift_up(timers, timer);
	sift_down(timers, timer);
	if (timers->heap[1] != head || timers->heap[1]->at_us != head_us)
		arm(timers);
}

void timer_unset(struct timers *timers, struct timer *timer)
{
	size_t place = timer->place;
	struct timer *last;

	if (!place)
		return;
	timer->place = 0;
	last = timers->heap[timers->n--];
	if (last != timer) {
		put(timers, place, last);
		sift_up(timers, last);
		sift_down(timers, last);
	}
	/* A head that is gone is found out when the sd-event timer fires for nothing: rarer than moving it each time. */
}
