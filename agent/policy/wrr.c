// SPDX-License-Identifier: GPL-2.0-or-later
#include "wrr.h"

#include <math.h>

#include "shares.h"

/* Keeps rounding from moving a release, which is a whole number of turns, to the next one. */
#define ROUNDING 1e-9

/* A server's next turn: it may be taken from `release` on, and should be before `deadline` (both in turns). */
struct turn {
	uint32_t server;
	uint32_t count; /* of slots in the table */
	uint32_t taken;
	double credit;
	double release, deadline;
};

/* A binary heap of turns, the smallest key first: by release while waiting, by deadline once ready. */
struct heap {
	struct turn **turns;
	size_t n;
	bool by_deadline;
};

static bool turn_before(const struct heap *heap, const struct turn *a, const struct turn *b)
{
	double key_a = heap->by_deadline ? a->deadline : a->release;
	double key_b = heap->by_deadline ? b->deadline : b->release;

	if (fabs(key_a - key_b) > ROUNDING)
		return key_a < key_b;
	return a->server < b->server;
}

static void heap_push(struct heap *heap, struct turn *turn)
{
	size_t at = heap->n++;

	while (at > 0 && turn_before(heap, turn, heap->turns[(at - 1) / 2])) {
		heap->turns[at] = heap->turns[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap->turns[at] = turn;
}

static struct turn *heap_pop(struct heap *heap)
{
	struct turn *top = heap->turns[0], *last = heap->turns[--heap->n];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < heap->n) {
		if (child + 1 < heap->n && turn_before(heap, heap->turns[child + 1], heap->turns[child]))
			child++;
		if (!turn_before(heap, heap->turns[child], last))
			break;
		heap->turns[at] = heap->turns[child];
		at = child;
	}
	heap->turns[at] = last;
	return top;
}

static uint64_t common_divisor(const uint32_t *weights, size_t n)
{
	uint64_t divisor = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t a = weights[i], b = divisor;

		while (a) {
			uint64_t rest = b % a;

			b = a;
			a = rest;
		}
		divisor = b;
	}
	return divisor;
}

size_t wrr_length(const uint32_t *weights, size_t n, size_t cap)
{
	uint64_t sum = shares_sum(weights, n);

	if (!sum)
		return 0;
	return MIN(sum / common_divisor(weights, n), (uint64_t)cap);
}

/* Forgets what servers without weight owe or are owed, and shares the rest by weight so that the sum is 0. */
static void balance(const uint32_t *weights, size_t n, double *credit)
{
	double sum = shares_sum(weights, n), excess = 0;

	for (size_t i = 0; i < n; i++) {
		if (!weights[i])
			credit[i] = 0;
		excess += credit[i];
	}
	for (size_t i = 0; i < n; i++)
		credit[i] -= sum > 0 ? excess * weights[i] / sum : credit[i];
}

/* The window in which this server's next turn belongs; `slack` is the least credit that allows a turn. */
static void turn_window(struct turn *turn, double slack, size_t length)
{
	double gap = (double)length / turn->count;

	turn->release = ceil((turn->taken + slack - turn->credit) * gap - ROUNDING);
	turn->deadline = (turn->taken + 1 - slack - turn->credit) * gap;
}

static void fill(struct heap *waiting, struct heap *ready, double slack, uint32_t *slots, size_t length)
{
	for (size_t slot = 0; slot < length; slot++) {
		struct turn *turn;

		while (waiting->n && waiting->turns[0]->release <= (double)(slot + 1))
			heap_push(ready, heap_pop(waiting));
		/* Carried credit may leave a turn for which nobody is due yet: the next to be. */
		turn = ready->n ? heap_pop(ready) : heap_pop(waiting);
		slots[slot] = turn->server;
		if (++turn->taken == turn->count)
			continue;
		turn_window(turn, slack, length);
		heap_push(waiting, turn);
	}
}

int wrr_build(const uint32_t *weights, size_t n, const double *credit, uint32_t *slots, size_t length)
{
	_cleanup_(freep) struct turn *turns = calloc(n, sizeof(*turns));
	_cleanup_(freep) struct turn **heaps = calloc(2 * n, sizeof(*heaps));
	_cleanup_(freep) uint32_t *counts = calloc(n, sizeof(*counts));
	_cleanup_(freep) double *start = calloc(n, sizeof(*start));
	struct heap waiting = {.turns = heaps}, ready = {.by_deadline = true};
	size_t active = 0;
	double slack;

	if (!length)
		return 0;
	if (!turns || !heaps || !counts || !start || shares_count(weights, n, length, counts) < 0)
		return -ENOMEM;
	ready.turns = heaps + n;
	if (credit)
		memcpy(start, credit, n * sizeof(*start));
	balance(weights, n, start);
	for (size_t i = 0; i < n; i++)
		active += counts[i] > 0;
	slack = active > 1 ? 1.0 / (2 * active - 2) : 0;
	for (size_t i = 0; i < n; i++) {
		if (!counts[i])
			continue;
		turns[i] = (struct turn){.server = i, .count = counts[i], .credit = start[i]};
		turn_window(&turns[i], slack, length);
		heap_push(&waiting, &turns[i]);
	}
	fill(&waiting, &ready, slack, slots, length);
	return 0;
}

void wrr_settle(const uint32_t *weights, size_t n, const uint32_t *slots, size_t length, uint64_t turns, double *credit)
{
	uint64_t partial;

	if (!length)
		return;
	/* Whole tables leave nobody owed anything: only the begun one counts. */
	partial = turns % length;
	for (size_t slot = 0; slot < length; slot++) {
		credit[slots[slot]] += (double)partial / length;
		if (slot < partial)
			credit[slots[slot]] -= 1;
	}
	balance(weights, n, credit);
}
