// SPDX-License-Identifier: GPL-2.0-or-later
#include "port_ring.h"

#define PUSH_ATTEMPTS 64 /* each fails only when the program pushed a number in between */

static struct muster_ports *head_of(struct muster_ports_line *lines)
{
	return (struct muster_ports *)lines;
}

static const struct muster_ports *const_head(const struct muster_ports_line *lines)
{
	return (const struct muster_ports *)lines;
}

static __u64 *tail_of(struct muster_ports_line *lines)
{
	return &((struct muster_ports_tail *)(lines + 1))->tail;
}

static __u64 *word_at(struct muster_ports_line *lines, uint32_t word)
{
	return &lines[word / MUSTER_PORTS_WORDS].word[word % MUSTER_PORTS_WORDS];
}

static __u64 *state_of(struct muster_ports_line *lines, uint32_t n)
{
	return word_at(lines, MUSTER_PORTS_STATES * MUSTER_PORTS_WORDS + n / MUSTER_PORTS_A_WORD);
}

static __u64 *cell_of(struct muster_ports_line *lines, uint64_t turn)
{
	const struct muster_ports *head = head_of(lines);

	return word_at(lines, (MUSTER_PORTS_STATES + head->state_lines) * MUSTER_PORTS_WORDS + turn % head->n);
}

static uint32_t per_source(const struct port_ring_shape *shape)
{
	return (uint32_t)shape->range[0].count + shape->range[1].count;
}

static uint32_t state_lines(uint32_t n)
{
	const uint32_t a_line = MUSTER_PORTS_A_WORD * MUSTER_PORTS_WORDS;

	return (n + a_line - 1) / a_line;
}

uint32_t port_ring_numbers(const struct port_ring_shape *shape)
{
	return per_source(shape) * shape->sources;
}

uint32_t port_ring_lines(uint32_t n)
{
	return MUSTER_PORTS_STATES + state_lines(n) + (n + MUSTER_PORTS_WORDS - 1) / MUSTER_PORTS_WORDS;
}

bool port_ring_fits(const struct muster_ports_line *lines, uint32_t n_lines, const struct port_ring_shape *shape)
{
	const struct muster_ports *head = const_head(lines);
	uint32_t n = port_ring_numbers(shape);

	return n_lines == port_ring_lines(n) && head->n == n && head->per_source == per_source(shape) &&
	       head->state_lines == state_lines(n) && memcmp(head->range, shape->range, sizeof(head->range)) == 0;
}

void port_ring_init(struct muster_ports_line *lines, const struct port_ring_shape *shape, uint32_t early)
{
	struct muster_ports *head = head_of(lines);

	head->n = port_ring_numbers(shape);
	head->per_source = per_source(shape);
	head->state_lines = state_lines(head->n);
	head->early = early;
	memcpy(head->range, shape->range, sizeof(head->range));
	for (uint32_t n = 0; n < head->n; n++) {
		*state_of(lines, n) |= 1ULL << n % MUSTER_PORTS_A_WORD;
		*cell_of(lines, n) = (uint64_t)n << 32;
	}
}

/* Puts a number at the ring's end. The ring has a cell for every number, so it is full only where one stands in it twice. */
static void push(struct muster_ports_line *lines, uint32_t n)
{
	for (int i = 0; i < PUSH_ATTEMPTS; i++) {
		__u64 turn = __atomic_load_n(tail_of(lines), __ATOMIC_SEQ_CST), *cell = cell_of(lines, turn);

		if ((uint32_t)(__atomic_load_n(cell, __ATOMIC_SEQ_CST) >> 32) != (uint32_t)turn)
			continue;
		if (!__atomic_compare_exchange_n(tail_of(lines), &turn, turn + 1, false, __ATOMIC_SEQ_CST,
						 __ATOMIC_SEQ_CST))
			continue;
		__atomic_store_n(cell, (uint64_t)(uint32_t)(turn + 1) << 32 | n, __ATOMIC_SEQ_CST);
		return;
	}
}

static bool bit(const uint32_t *bits, uint32_t n)
{
	return bits[n / 32] >> n % 32 & 1;
}

void port_ring_hand_out(struct muster_ports_line *lines, const uint32_t *held, const uint32_t *ringed)
{
	for (uint32_t n = 0; n < head_of(lines)->n; n++) {
		if (!bit(held, n))
			__atomic_and_fetch(state_of(lines, n), ~(1ULL << n % MUSTER_PORTS_A_WORD), __ATOMIC_SEQ_CST);
		if (!bit(held, n) || bit(ringed, n))
			push(lines, n);
	}
}

void port_ring_linger(struct muster_ports_line *lines, uint32_t n)
{
	__atomic_or_fetch(state_of(lines, n), 1ULL << (32 + n % MUSTER_PORTS_A_WORD), __ATOMIC_SEQ_CST);
}

uint32_t port_ring_number(const struct muster_ports_line *lines, uint32_t source, uint16_t port)
{
	const struct muster_ports *head = const_head(lines);
	uint32_t first = (uint32_t)port - head->range[0].first, second = (uint32_t)port - head->range[1].first, n;

	if (first < head->range[0].count)
		n = source * head->per_source + first;
	else if (second < head->range[1].count)
		n = source * head->per_source + head->range[0].count + second;
	else
		return PORT_RING_NONE;
	return n < head->n ? n : PORT_RING_NONE;
}

void port_ring_end(struct muster_ports_line *lines, uint32_t source, uint16_t port, bool closed, bool ringed)
{
	uint32_t n = port_ring_number(lines, source, port);
	uint64_t held = 1ULL << n % MUSTER_PORTS_A_WORD, lingers = held << 32;

	if (n == PORT_RING_NONE)
		return;
	__atomic_and_fetch(state_of(lines, n), ~(closed ? lingers : held), __ATOMIC_SEQ_CST);
	if (!closed && !ringed)
		push(lines, n);
}

uint32_t port_ring_size(const struct muster_ports_line *lines)
{
	return const_head(lines)->n;
}

uint32_t port_ring_waiting(const struct muster_ports_line *lines)
{
	uint64_t head = __atomic_load_n(&const_head(lines)->head, __ATOMIC_SEQ_CST);
	uint64_t tail = __atomic_load_n(&((const struct muster_ports_tail *)(lines + 1))->tail, __ATOMIC_SEQ_CST);

	return (uint32_t)MIN(tail - head, (uint64_t)port_ring_size(lines));
}

uint32_t port_ring_early(const struct muster_ports_line *lines)
{
	return __atomic_load_n(&const_head(lines)->early, __ATOMIC_RELAXED);
}
