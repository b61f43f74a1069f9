/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Source ports toward a server, in fullnat (muster/ports.h draws the layout). A port is held by one flow at a time: the bit
 * that says so is set atomically, and decides. The ring only orders those that were given back, so that the one that was
 * used least recently is handed out first: a server keeps a closed connection's port in TIME_WAIT for a minute.
 */
#ifndef MUSTER_BPF_PORTS_H
#define MUSTER_BPF_PORTS_H

#include "packet.h"

#define NO_PORT       (~(__u32)0)
#define RING_ATTEMPTS 3
#define HASH_STEP     0x9e3779b1U /* of 2^32, as much as there are numbers: between one candidate by hash and the next */
#define PORT_HELD     1ULL        /* of number n: shifted by n % 32 */
#define PORT_LINGERS  (1ULL << 32) /* likewise */

enum port_hold {
	PORT_TAKEN,     /* it is another flow's */
	PORT_FREE,      /* it is this flow's now */
	PORT_WAS_CLOSED /* likewise, and the entry of a closed flow still has it */
};

static __always_inline void *ports_line(void *ports, __u32 line)
{
	return bpf_map_lookup_elem(ports, &line);
}

static __always_inline __u64 *ports_word(void *ports, __u32 word)
{
	struct muster_ports_line *line = ports_line(ports, word / MUSTER_PORTS_WORDS);

	return line ? &line->word[word % MUSTER_PORTS_WORDS] : NULL;
}

static __always_inline __u64 *ports_state(void *ports, __u32 n)
{
	return ports_word(ports, MUSTER_PORTS_STATES * MUSTER_PORTS_WORDS + n / MUSTER_PORTS_A_WORD);
}

static __always_inline __u64 *ports_cell(void *ports, const struct muster_ports *head, __u64 turn)
{
	__u32 first = (MUSTER_PORTS_STATES + head->state_lines) * MUSTER_PORTS_WORDS;

	return head->n ? ports_word(ports, first + turn % head->n) : NULL;
}

/* The n-th of the source ports, and back: NO_PORT when the range has changed since. */
static __always_inline __be16 port_at(const struct muster_ports *head, __u32 n)
{
	__u32 at = head->per_source ? n % head->per_source : 0, first = head->range[0].count;

	return bpf_htons(at < first ? head->range[0].first + at : head->range[1].first + at - first);
}

static __always_inline __u32 port_number(const struct muster_ports *head, __u32 source, __be16 port)
{
	__u32 p = bpf_ntohs(port), at, n;

	if (p - head->range[0].first < head->range[0].count)
		at = p - head->range[0].first;
	else if (p - head->range[1].first < head->range[1].count)
		at = head->range[0].count + p - head->range[1].first;
	else
		return NO_PORT;
	n = source * head->per_source + at;
	return n < head->n ? n : NO_PORT;
}

struct numbered {
	__u32 n, source;
	__u16 port; /* host order */
};

/*
 * A number by the flow's hash, the n-th: the one near it whose port is that of the flow's own bucket of the half-open table
 * (table.h), where the range has one.
 */
static __always_inline struct numbered number_by_hash(const struct muster_ports *head, __u64 hash, __u32 mask,
						      __u32 attempt)
{
	__u32 spread = (__u32)(hash >> 32) + attempt * HASH_STEP, n = (__u64)spread * head->n >> 32;
	__u32 source = head->per_source ? n / head->per_source : 0, at = n - source * head->per_source;
	__u32 first = head->range[0].count, before = at < first ? at : at - first;
	__u32 length = at < first ? first : head->range[1].count;
	__u32 port = (at < first ? head->range[0].first : head->range[1].first) + before;
	__u32 beyond = (port - (__u32)hash) & mask, by = -beyond;

	if (beyond > before)
		by = before + mask + 1 - beyond < length ? mask + 1 - beyond : 0;
	return (struct numbered){n + by, source & (MUSTER_MAX_SOURCES - 1), port + by};
}

/*
 * The number that was given back the longest ago; NO_PORT: none is left. Under contention too, after some attempts. Only
 * asked, nothing is taken: `taken` says how many would have been before.
 */
static __always_inline __u32 ring_pop(void *ports, struct muster_ports *head, __u32 taken)
{
	for (int i = 0; i < RING_ATTEMPTS; i++) {
		__u64 turn = *(volatile __u64 *)&head->head + (dry_run ? taken : 0);
		__u64 *cell = ports_cell(ports, head, turn), value;

		if (!cell)
			return NO_PORT;
		value = *(volatile __u64 *)cell;
		if ((__u32)(value >> 32) == (__u32)turn)
			return NO_PORT;
		if ((__u32)(value >> 32) != (__u32)turn + 1)
			continue;
		if (dry_run)
			return value;
		if (__sync_val_compare_and_swap(&head->head, turn, turn + 1) != turn)
			continue;
		__sync_lock_test_and_set(cell, (__u64)(__u32)(turn + head->n) << 32);
		return value;
	}
	return NO_PORT;
}

static __always_inline void ring_push(void *ports, struct muster_ports *head, __u32 n)
{
	struct muster_ports_tail *tail = ports_line(ports, 1);

	for (int i = 0; i < RING_ATTEMPTS && tail; i++) {
		__u64 turn = *(volatile __u64 *)&tail->tail, *cell = ports_cell(ports, head, turn);

		if (!cell || (__u32)(*(volatile __u64 *)cell >> 32) != (__u32)turn)
			continue;
		if (__sync_val_compare_and_swap(&tail->tail, turn, turn + 1) != turn)
			continue;
		__sync_lock_test_and_set(cell, (__u64)(__u32)(turn + 1) << 32 | n);
		return;
	}
}

/* Number n waits in the ring for its next turn. Global, as the others here: verified once (table.h). */
__noinline int ring_return(__u32 server, __u32 n)
{
	void *ports = bpf_map_lookup_elem(&muster_ports, &server);
	struct muster_ports *head = ports ? ports_line(ports, 0) : NULL;

	if (head && !dry_run)
		ring_push(ports, head, n);
	return 0;
}

/* Is number n nobody's, whose flow stands or lingers? */
static __always_inline bool port_unheld(const __u64 *state, __u32 n)
{
	return !(*(const volatile __u64 *)state & (PORT_HELD | PORT_LINGERS) << n % MUSTER_PORTS_A_WORD);
}

__noinline int port_held(__u32 server, __u32 n)
{
	void *ports = bpf_map_lookup_elem(&muster_ports, &server);
	__u64 *state = ports ? ports_state(ports, n) : NULL;

	return !state || !port_unheld(state, n);
}

/* Holds number n. */
static __always_inline enum port_hold port_hold(void *ports, __u32 n)
{
	__u64 *state = ports_state(ports, n), was;
	__u32 bit = n % MUSTER_PORTS_A_WORD;

	if (!state)
		return PORT_TAKEN;
	was = *(volatile __u64 *)state;
	if (was & PORT_HELD << bit)
		return PORT_TAKEN;
	if (dry_run)
		return PORT_FREE;
	was = __sync_fetch_and_or(state, PORT_HELD << bit);
	if (was & PORT_HELD << bit)
		return PORT_TAKEN;
	if (!(was & PORT_LINGERS << bit))
		return PORT_FREE;
	__sync_fetch_and_and(state, ~(PORT_LINGERS << bit));
	return PORT_WAS_CLOSED;
}

/*
 * What becomes of the port of a flow that closes, is restored, or ends. `ringed`: the ring has the number already. Restoring
 * fails (0) when another flow holds the port by now.
 */
enum port_end { PORT_CLOSES, PORT_RESTORED, PORT_ENDS_OPEN, PORT_ENDS_CLOSED };

__noinline int port_turn(__u32 server, __u32 source, __u32 port, __u32 end, __u32 ringed)
{
	void *ports = bpf_map_lookup_elem(&muster_ports, &server);
	struct muster_ports *head = ports ? ports_line(ports, 0) : NULL;
	__u64 *state, held, lingers;
	__u32 n;

	if (!head || dry_run)
		return 0;
	n = port_number(head, source, port);
	state = n == NO_PORT ? NULL : ports_state(ports, n);
	/* A port that the range has no more is nobody else's. */
	if (!state)
		return n == NO_PORT;
	held = PORT_HELD << n % MUSTER_PORTS_A_WORD;
	lingers = PORT_LINGERS << n % MUSTER_PORTS_A_WORD;
	if (end == PORT_RESTORED) {
		if (__sync_fetch_and_or(state, held) & held)
			return 0;
		__sync_fetch_and_and(state, ~lingers);
		return 1;
	}
	if (end == PORT_ENDS_CLOSED) {
		__sync_fetch_and_and(state, ~lingers);
		return 1;
	}
	if (end == PORT_CLOSES)
		__sync_fetch_and_or(state, lingers);
	__sync_fetch_and_and(state, ~held);
	if (!ringed)
		ring_push(ports, head, n);
	return 1;
}

#endif
