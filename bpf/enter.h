/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table, as its writers see it: claiming an entry, publishing it, giving it up, moving it to another table. An
 * entry changes hands by a compare-and-swap of its tag; whoever wins it does what hangs on the old one: gives the port back,
 * counts the flow down, frees the other direction.
 */
#ifndef MUSTER_BPF_ENTER_H
#define MUSTER_BPF_ENTER_H

#include "flood.h"
#include "ports.h"
#include "table.h"

#define CLAIM_TAKEN (~(__u32)1) /* the key has an entry already */
#define CLAIM_FULL  MUSTER_NOWHERE
#define ROOMY       4 /* free ways of a first bucket, below which its second one is looked at */
#define FLOOD_BEATS 4 /* half-open flows younger than this give way: a flood */
#define IDLE_LEAST  4 /* beats: a proven flow that spoke since keeps its entry from whoever has none */

/* Which entry gives way first: free, expired, closing, unproven, idle the longest. The lower the sooner. */
enum victim_class { VICTIM_FREE, VICTIM_EXPIRED, VICTIM_CLOSING, VICTIM_UNPROVEN, VICTIM_PROVEN };
#define VICTIM_CLASS_SHIFT 27
#define VICTIM_WAY_BITS    3
#define VICTIM_NONE        (15ULL << VICTIM_CLASS_SHIFT) /* or above: it is not to be had */

/* enum victim_class by state, four bits each; 15: it is not to be had. */
#define CLASS_OF(STATE, CLASS) ((__u64)(CLASS) << (STATE)*4)
#define CLASSES                                                                                                        \
	(CLASS_OF(MUSTER_FLOW_FREE, VICTIM_FREE) | CLASS_OF(MUSTER_FLOW_HALF_OPEN, VICTIM_UNPROVEN) |                  \
	 CLASS_OF(MUSTER_FLOW_ESTABLISHED, VICTIM_PROVEN) | CLASS_OF(MUSTER_FLOW_CLOSING, VICTIM_CLOSING) |            \
	 CLASS_OF(MUSTER_FLOW_UDP_ONCE, VICTIM_UNPROVEN) | CLASS_OF(MUSTER_FLOW_UDP, VICTIM_UNPROVEN) |                \
	 CLASS_OF(MUSTER_FLOW_ONE_WAY, VICTIM_UNPROVEN) | CLASS_OF(MUSTER_FLOW_TAKEN, 15))

/* How soon an entry gives way; global, as the others here (table.h): the loop over a bucket walks only past it. */
__noinline __u64 victim_rank(__u64 tag, __u32 now)
{
	struct muster_config *config = config_of();
	__u64 since = (beat(now) - (__u32)tag) & MUSTER_SEEN_MASK; /* as muster_tag_idle(), without its branch */
	__u32 idle = since & -below(since, MUSTER_SEEN_MASK / 2), state = muster_tag_state(tag);
	__u64 class = CLASSES >> state * 4 & 15, expired = below(config ? config->timeout[state] : idle, idle);
	__u64 busy = below(idle, IDLE_LEAST) & below(class ^ VICTIM_PROVEN, 1);

	/* Expired ones of any class but FREE and TAKEN go right behind the free. */
	expired &= below(0, class) & below(class, 15);
	class ^= (class ^ VICTIM_EXPIRED) & -expired;
	class |= -(busy & ~expired & 1) & 15;
	return class << VICTIM_CLASS_SHIFT | (MUSTER_SEEN_MASK - idle) << VICTIM_WAY_BITS;
}

/* The best victim of a bucket: its rank, the way in its lowest bits. */
__noinline __u64 bucket_victim(__u32 table, __u32 index, __u32 now)
{
	struct muster_bucket *bucket = bucket_at(table, index);
	__u64 best = VICTIM_NONE;

	if (!bucket)
		return VICTIM_NONE;
	for (__u32 way = 0; way < MUSTER_WAYS; way++) {
		__u64 rank = victim_rank(tag_read(&bucket->tag[way]), now) | way;

		best ^= (best ^ rank) & -below(rank, best);
	}
	return best;
}

/* Free ways of a bucket, and which the last of them is. */
static __always_inline __u32 bucket_room(const struct muster_bucket *bucket, __u32 *way)
{
	__u64 room = 0, at = 0;

#pragma unroll
	for (__u32 i = 0; i < MUSTER_WAYS; i++) {
		__u64 free = below(tag_read(&bucket->tag[i]) & MUSTER_STATE_MASK, 1);

		at ^= (at ^ i) & -free;
		room += free;
	}
	*way = at & (MUSTER_WAYS - 1);
	return room;
}

static __always_inline void live_add(__u32 server, __s64 n)
{
	__u64 *live = bpf_map_lookup_elem(&muster_live, &server);

	if (live)
		__sync_fetch_and_add(live, n);
}

/* What hangs on an entry whose tag was won: called once for each, by the winner. */
static __always_inline void entry_release(const struct muster_flow *flow, __u64 tag)
{
	bool closed = muster_tag_state(tag) == MUSTER_FLOW_CLOSING;

	if (flow->dir == MUSTER_TO_CLIENT) {
		if (flow->mode == MUSTER_MODE_FULLNAT && !(tag & MUSTER_PAIR))
			port_turn(flow->server, flow->source, flow->nat_port,
				  closed ? PORT_ENDS_CLOSED : PORT_ENDS_OPEN, !!(tag & MUSTER_MARK));
	} else if (tag & MUSTER_MARK) {
		live_add(flow->server, -1);
	}
}

/* The tag by which an entry is won, for a key's hash (0: for nobody). */
static __always_inline __u64 tag_taken(__u64 tag, __u64 hash, __u32 now)
{
	return muster_tag_hash(hash) | ((tag + MUSTER_VERSION_ONE) & MUSTER_VERSION_MASK) | (tag & MUSTER_SPILL) |
	       (__u64)MUSTER_FLOW_TAKEN << MUSTER_STATE_SHIFT | (beat(now) & MUSTER_SEEN_MASK);
}

static __always_inline bool slot_win(const struct slot *slot, __u64 hash, __u32 now)
{
	return __sync_val_compare_and_swap(slot->tag, slot->seen, tag_taken(slot->seen, hash, now)) == slot->seen;
}

/*
 * From TAKEN to `state`, with MUSTER_MARK, MUSTER_PAIR, or neither: by addition, because another CPU may set the spill bit
 * meanwhile.
 */
static __always_inline void entry_publish(__u64 *tag, __u32 state, __u64 bits)
{
	__sync_fetch_and_add(tag, ((__u64)state << MUSTER_STATE_SHIFT) -
					  ((__u64)MUSTER_FLOW_TAKEN << MUSTER_STATE_SHIFT) + bits);
}

/* The place of an entry's other direction, with its tag in `twin`; MUSTER_NOWHERE: there is none, or it is another's. */
static __always_inline __u32 twin_of(struct slot *twin, const struct muster_flow *flow, __u32 ref)
{
	if (!slot_at(twin, flow->twin) || twin->flow->twin != ref || twin->flow->dir == flow->dir)
		return MUSTER_NOWHERE;
	return flow->twin;
}

/*
 * Frees the entry at `twin` if it is the other direction of the one at `ref`, which is this CPU's: so nobody else can make
 * it one meanwhile.
 */
__noinline int twin_free(__u32 twin, __u32 ref)
{
	struct slot slot;

	for (int i = 0; i < CAS_ATTEMPTS; i++) {
		if (!slot_at(&slot, twin) || slot.flow->twin != ref)
			return 0;
		if (!slot_win(&slot, 0, 0))
			continue;
		entry_release(slot.flow, slot.seen);
		entry_publish(slot.tag, MUSTER_FLOW_FREE, 0);
		return 1;
	}
	return 0;
}

/* Ends the flow of which one direction stands at `ref`, and has `owner`'s hash and version: both are freed. */
__noinline int flow_forget(__u32 ref, __u64 owner)
{
	struct slot slot;

	if (dry_run || !slot_at(&slot, ref) || ((slot.seen ^ owner) & MUSTER_OWNER_MASK) || !slot_win(&slot, 0, 0))
		return 0;
	entry_release(slot.flow, slot.seen);
	twin_free(slot.flow->twin, ref);
	entry_publish(slot.tag, MUSTER_FLOW_FREE, 0);
	return 1;
}

/* Ends whatever flow stands at `ref`. */
static __always_inline void flow_forget_at(__u32 ref)
{
	struct slot slot;

	if (slot_at(&slot, ref))
		flow_forget(ref, slot.seen);
}

/* Takes the entry for the key whose hash it is, from whomever had it. False: it changed in between. */
static __always_inline bool entry_take(struct muster_bucket *bucket, __u32 ref, __u64 hash, __u32 now)
{
	struct slot slot;
	bool lived = slot_of(&slot, bucket, MUSTER_REF_WAY(ref));

	if (muster_tag_state(slot.seen) == MUSTER_FLOW_TAKEN || !slot_win(&slot, hash, now))
		return false;
	if (!lived)
		return true;
	entry_release(slot.flow, slot.seen);
	if (muster_tag_state(slot.seen) == MUSTER_FLOW_HALF_OPEN && muster_tag_idle(slot.seen, beat(now)) < FLOOD_BEATS)
		flood_note(now, 1);
	twin_free(slot.flow->twin, ref);
	return true;
}

/* Is there another entry of this key, or one that is being written for it? Asked after the claim is visible. */
__noinline int key_contested(const struct muster_tuple *key, __u64 hash, __u32 table, __u32 index, __u32 own)
{
	struct muster_bucket *bucket = bucket_at(table, index);
	__u32 ways = bucket ? ways_of(bucket, hash) : 0;
	struct slot slot;

	if (!bucket || !key)
		return 0;
		/* One is the claim itself. */
#pragma clang loop unroll(disable)
	for (int i = 0; i < ALIKE_MOST && ways; i++, ways = opaque(ways & (ways - 1), index)) {
		__u32 way = opaque(first_way(ways), index);
		bool lives = slot_of(&slot, bucket, way);

		if (MUSTER_REF(table, index, way) == own)
			continue;
		if (muster_tag_state(slot.seen) == MUSTER_FLOW_TAKEN || (lives && entry_is(slot.flow, key)))
			return 1;
	}
	return 0;
}

/*
 * The entry that a new one of a table should take: of the key's two buckets the first, unless that one is half full, and the
 * second emptier; where both are full, the best victim of both. CLAIM_FULL: all belong to flows that are worth more.
 */
__noinline __u32 place_choose(__u64 hash, __u32 table, __u32 now)
{
	struct muster_config *config = config_of();
	__u32 index, second, way = 0, other_way = 0, room;
	struct muster_bucket *first, *other;
	__u64 here, there;

	if (!config)
		return CLAIM_FULL;
	index = muster_bucket_first(hash, config->bucket_mask[table & (MUSTER_TABLES_N - 1)]);
	second = muster_bucket_second(hash, config->bucket_mask[table & (MUSTER_TABLES_N - 1)]);
	first = bucket_at(table, index);
	if (!first)
		return CLAIM_FULL;
	room = bucket_room(first, &way);
	if (room >= ROOMY)
		return MUSTER_REF(table, index, way);
	other = bucket_at(table, second);
	if (!other)
		return CLAIM_FULL;
	if (bucket_room(other, &other_way) > room)
		return MUSTER_REF(table, second, other_way);
	if (room)
		return MUSTER_REF(table, index, way);
	here = bucket_victim(table, index, now);
	there = bucket_victim(table, second, now);
	if (here >= VICTIM_NONE && there >= VICTIM_NONE)
		return CLAIM_FULL;
	return here <= there ? MUSTER_REF(table, index, here & (MUSTER_WAYS - 1))
			     : MUSTER_REF(table, second, there & (MUSTER_WAYS - 1));
}

/* From now on whoever seeks a key of this first bucket looks into its second one too. */
static __always_inline bool spill(__u32 table, __u32 index)
{
	struct muster_bucket *first = bucket_at(table, index);

	if (first)
		__sync_fetch_and_or(&first->tag[0], MUSTER_SPILL);
	return first;
}

/* Takes the entry that place_choose() gave: it is in state TAKEN then. False: somebody else was faster. */
__noinline int place_take(__u64 hash, __u32 ref, __u32 now)
{
	struct muster_config *config = config_of();
	__u32 table = MUSTER_REF_TABLE(ref), first;
	struct muster_bucket *bucket;

	if (!config)
		return 0;
	first = muster_bucket_first(hash, config->bucket_mask[table & (MUSTER_TABLES_N - 1)]);
	if (MUSTER_REF_BUCKET(ref) != first && !spill(table, first))
		return 0;
	bucket = bucket_at(table, MUSTER_REF_BUCKET(ref));
	if (!bucket || !entry_take(bucket, ref, hash, now))
		return 0;
	if (table != MUSTER_TABLE_HALF_OPEN)
		note_proven(hash);
	return 1;
}

/* The same, where a flood puts its flows. */
__noinline int pair_contested(const struct muster_tuple *key, __u64 hash, __u32 own)
{
	if (!key)
		return 1;
	if (!flood_ever())
		return 0;
#pragma clang loop unroll(disable)
	for (__u32 place = 0; place < PAIR_PLACES; place++)
		if (key_contested(key, hash, MUSTER_TABLE_HALF_OPEN, pair_bucket(key, place), own))
			return 1;
	return 0;
}

/* Is there a claim or entry of the key in any of its buckets of a table, but for the one at `own`? */
__noinline int contested(const struct muster_tuple *key, __u64 hash, __u32 table, __u32 own)
{
	struct muster_config *config = config_of();
	struct muster_bucket *first;
	__u32 index;

	if (!config || !key)
		return 1;
	table &= MUSTER_TABLES_N - 1;
	index = muster_bucket_first(hash, config->bucket_mask[table]);
	if (key_contested(key, hash, table, index, own))
		return 1;
	if (table == MUSTER_TABLE_HALF_OPEN && pair_contested(key, hash, own))
		return 1;
	first = bucket_at(table, index);
	if (!first || !(tag_read(&first->tag[0]) & MUSTER_SPILL))
		return 0;
	index = muster_bucket_second(hash, config->bucket_mask[table]);
	return key_contested(key, hash, table, index, own);
}

/*
 * Where a new flow stands: half-open; one that a late ACK opens among the proven, where no SYN pushes it out again. Without a
 * branch (below()).
 */
static __always_inline __u32 table_of_new(const struct packet *p, const struct muster_config *config)
{
	__u32 late = p->late & ~(p->tcp_flags / TCP_RST);

	return (MUSTER_TABLE_A + below(MUSTER_TABLE_A, config->table)) & -(late & 1);
}
_Static_assert(MUSTER_TABLE_HALF_OPEN == 0 && MUSTER_TABLE_B == MUSTER_TABLE_A + 1, "table_of_new() reckons with both");

static __always_inline bool claimed(__u32 ref)
{
	return ref != CLAIM_TAKEN && ref != CLAIM_FULL;
}

/* A place that this CPU has claimed: its tag and entry, whatever state they are in. */
static __always_inline bool claim_at(struct slot *slot, __u32 ref)
{
	struct muster_bucket *bucket = bucket_at(MUSTER_REF_TABLE(ref), MUSTER_REF_BUCKET(ref));

	if (!bucket)
		return false;
	slot_of(slot, bucket, MUSTER_REF_WAY(ref));
	return true;
}

/* Gives a claimed place up: nothing of it was ever seen. */
__noinline int claim_drop(__u32 ref)
{
	struct slot slot;

	if (claimed(ref) && claim_at(&slot, ref))
		entry_publish(slot.tag, MUSTER_FLOW_FREE, 0);
	return 0;
}

/*
 * Claims an entry for `key` in a table: its place, in state TAKEN, to be written and published. CLAIM_TAKEN: the key has
 * one, or is about to; CLAIM_FULL: there is no room for it.
 */
static __always_inline __u32 slot_claim(const struct muster_tuple *key, __u64 hash, __u32 table, __u32 now)
{
	__u32 ref = place_choose(hash, table, now);

	if (ref == CLAIM_FULL || !place_take(hash, ref, now))
		return CLAIM_FULL;
	if (!contested(key, hash, table, ref))
		return ref;
	claim_drop(ref);
	return CLAIM_TAKEN;
}

#endif
