// SPDX-License-Identifier: GPL-2.0-or-later
#include "maglev.h"

#include "../fnv.h"
#include "shares.h"

#define FREE UINT32_MAX

/* A server at the table: what it may still take, and where its permutation has come to. */
struct seat {
	const char *name;
	uint32_t position; /* in the caller's list */
	uint32_t weight;
	uint32_t rank; /* by name; of two turns due at once the first by name comes first */
	uint32_t quota, taken;
	uint32_t next, step; /* the permutation: next, next + step, ... modulo the table */
};

/* FNV-1a over the bytes, then a finisher that lets each of them count in every bit (splitmix64's). */
static uint64_t hash(const char *name, uint64_t seed)
{
	uint64_t h = fnv(FNV_START ^ seed, name, strlen(name));

	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9;
	h = (h ^ h >> 27) * 0x94d049bb133111eb;
	return h ^ h >> 31;
}

static int by_name(const void *a, const void *b)
{
	const struct seat *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Turn k of a server is due at (k + 1/2) / weight: halves, so that none is ahead of its share at the start. */
static bool due_before(const struct seat *a, const struct seat *b)
{
	uint64_t x = (2 * (uint64_t)a->taken + 1) * b->weight, y = (2 * (uint64_t)b->taken + 1) * a->weight;

	return x != y ? x < y : a->rank < b->rank;
}

/* Lets the seat at `at` sink to its place in the heap, the next one due at the top. */
static void sink(struct seat **heap, size_t n, size_t at)
{
	struct seat *seat = heap[at];
	size_t child;

	while ((child = 2 * at + 1) < n) {
		if (child + 1 < n && due_before(heap[child + 1], heap[child]))
			child++;
		if (!due_before(heap[child], seat))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = seat;
}

/* Sits down whoever has weight, in the order of their names. Returns how many. */
static size_t seat_all(const struct maglev_server *servers, size_t n, struct seat *seats)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if (!servers[i].weight)
			continue;
		seats[count++] = (struct seat){
			.name = servers[i].name,
			.position = i,
			.weight = servers[i].weight,
			.next = hash(servers[i].name, 0) % MAGLEV_SLOTS,
			.step = hash(servers[i].name, 1) % (MAGLEV_SLOTS - 1) + 1,
		};
	}
	qsort(seats, count, sizeof(*seats), by_name);
	for (size_t i = 0; i < count; i++)
		seats[i].rank = i;
	return count;
}

/* In the order of names as well: it decides who gets the slots that no share is whole without. */
static int give_quotas(struct seat *seats, size_t n)
{
	_cleanup_(freep) uint32_t *weights = calloc(n, sizeof(*weights));
	_cleanup_(freep) uint32_t *quotas = calloc(n, sizeof(*quotas));
	int error;

	if (!weights || !quotas)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		weights[i] = seats[i].weight;
	error = shares_count(weights, n, MAGLEV_SLOTS, quotas);
	for (size_t i = 0; i < n && !error; i++)
		seats[i].quota = quotas[i];
	return error;
}

static void take_slot(struct seat *seat, uint32_t *slots)
{
	while (slots[seat->next] != FREE) {
		seat->next += seat->step;
		if (seat->next >= MAGLEV_SLOTS)
			seat->next -= MAGLEV_SLOTS;
	}
	slots[seat->next] = seat->position;
	seat->taken++;
}

int maglev_build(const struct maglev_server *servers, size_t n, uint32_t *slots)
{
	_cleanup_(freep) struct seat *seats = calloc(n, sizeof(*seats));
	_cleanup_(freep) struct seat **heap = calloc(n, sizeof(*heap));
	int error;

	if (!seats || !heap)
		return -ENOMEM;
	n = seat_all(servers, n, seats);
	error = give_quotas(seats, n);
	if (error)
		return error;
	for (size_t i = 0; i < MAGLEV_SLOTS; i++)
		slots[i] = FREE;
	for (size_t i = 0; i < n; i++)
		heap[i] = &seats[i];
	for (size_t i = n / 2; i-- > 0;)
		sink(heap, n, i);
	while (n) {
		take_slot(heap[0], slots);
		if (heap[0]->taken == heap[0]->quota)
			heap[0] = heap[--n];
		if (n)
			sink(heap, n, 0);
	}
	return 0;
}
