/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table, as its readers see it (muster/flow.h draws the layout): where a key may stand, whether an entry is the
 * one that a packet belongs to, and how a tag changes. Nothing here takes an entry from anybody; enter.h does.
 *
 * Global functions, as all that are not static: the verifier walks a global function once, not once for each way to each
 * call. Such a function hands out places (references), not pointers: slot_at() makes a pointer of a place.
 */
#ifndef MUSTER_BPF_TABLE_H
#define MUSTER_BPF_TABLE_H

#include "flood.h"
#include "hash.h"

#define ALIKE_MOST   2 /* keys of one bucket that are told apart though their tags' 24 bits of hash are the same */
#define CAS_ATTEMPTS 2 /* of a tag: it fails when another CPU changed it in between, and few do */

static __always_inline struct muster_bucket *bucket_at(__u32 table, __u32 index)
{
	void *buckets = bpf_map_lookup_elem(&muster_flows, &table);

	return buckets ? bpf_map_lookup_elem(buckets, &index) : NULL;
}

/* A tag is read whole, and anew each time. */
static __always_inline __u64 tag_read(const __u64 *tag)
{
	return *(const volatile __u64 *)tag;
}

static __always_inline bool tag_lives(__u64 tag)
{
	__u32 state = muster_tag_state(tag);

	return state != MUSTER_FLOW_FREE && state != MUSTER_FLOW_TAKEN;
}

/* Is the entry still one for a key of that hash? It may have changed hands since it was found. */
static __always_inline bool tag_has(__u64 tag, __u64 hash)
{
	return !((tag ^ hash) >> MUSTER_HASH_SHIFT);
}

static __always_inline bool slot_of(struct slot *slot, struct muster_bucket *bucket, __u32 way)
{
	slot->tag = &bucket->tag[way & (MUSTER_WAYS - 1)];
	slot->flow = &bucket->flow[way & (MUSTER_WAYS - 1)];
	slot->seen = tag_read(slot->tag);
	return tag_lives(slot->seen);
}

/* False: nobody stands there. */
static __always_inline bool slot_at(struct slot *slot, __u32 ref)
{
	struct muster_bucket *bucket;

	if (ref == MUSTER_NOWHERE)
		return false;
	bucket = bucket_at(MUSTER_REF_TABLE(ref), MUSTER_REF_BUCKET(ref));
	return bucket && slot_of(slot, bucket, MUSTER_REF_WAY(ref));
}

/* The entry is still whose it was. On x86 loads keep their order; elsewhere a full barrier belongs before this read. */
static __always_inline bool slot_holds(const struct slot *slot)
{
	barrier();
	return !((tag_read(slot->tag) ^ slot->seen) & MUSTER_OWNER_MASK);
}

/* What an entry's records say of one of its directions: the key that its packets carry. False: a record is gone. */
static __always_inline bool flow_key(struct muster_tuple *key, const struct muster_flow *flow, __u32 dir)
{
	__u32 index = flow->service;
	const struct muster_service *service = bpf_map_lookup_elem(&muster_services, &index);
	const struct muster_server *server;

	index = flow->server;
	server = bpf_map_lookup_elem(&muster_servers, &index);
	if (!service || !server)
		return false;
	__builtin_memset(key, 0, sizeof(*key));
	key->proto = service->proto;
	if (dir == MUSTER_TO_SERVER) {
		key->src = flow->client;
		key->sport = flow->client_port;
		key->dst = service->addr;
		key->dport = flow->vip_port;
	} else {
		key->src = server->addr;
		key->sport = flow->server_port;
		key->dst = flow->mode == MUSTER_MODE_FULLNAT ? server->source[flow->source & (MUSTER_MAX_SOURCES - 1)]
							     : flow->client;
		key->dport = flow->nat_port;
	}
	return true;
}
_Static_assert((MUSTER_MAX_SOURCES & (MUSTER_MAX_SOURCES - 1)) == 0, "flow_key() masks the source");

static __always_inline bool to_server_is(const struct muster_flow *flow, const struct muster_tuple *key,
					 const struct muster_service *service)
{
	return *(const any32 *)&flow->client_port == key->ports && same_addr(&flow->client, &key->src) &&
	       same_addr(&service->addr, &key->dst) && service->proto == key->proto && service->used;
}

static __always_inline bool to_client_is(const struct muster_flow *flow, const struct muster_tuple *key,
					 const struct muster_service *service, const struct muster_server *server)
{
	const struct muster_addr *client = &server->source[flow->source & (MUSTER_MAX_SOURCES - 1)];

	if (flow->mode != MUSTER_MODE_FULLNAT)
		client = &flow->client;
	return *(const any32 *)&flow->server_port == key->ports && same_addr(&server->addr, &key->src) &&
	       same_addr(client, &key->dst) && service->proto == key->proto;
}

/* Does the entry belong to packets of `key`? An index may have been freed and given to another since: addresses count. */
static __always_inline bool flow_is(const struct muster_flow *flow, const struct muster_tuple *key,
				    const struct muster_service *service, const struct muster_server *server)
{
	return flow->dir == MUSTER_TO_SERVER ? to_server_is(flow, key, service)
					     : to_client_is(flow, key, service, server);
}

static __always_inline bool entry_is(const struct muster_flow *flow, const struct muster_tuple *key)
{
	__u32 index = flow->service;
	const struct muster_service *service = bpf_map_lookup_elem(&muster_services, &index);
	const struct muster_server *server;

	index = flow->server;
	server = bpf_map_lookup_elem(&muster_servers, &index);
	return service && server && flow_is(flow, key, service, server);
}

/* 1 where a < b, else 0, without a branch: each would double the ways that the verifier has to walk. */
static __always_inline __u64 below(__u64 a, __u64 b)
{
	__u64 less;

	/* Else clang sees what it is, and makes a branch of it. */
	barrier_var(a);
	barrier_var(b);
	less = (a - b) >> 63;
	barrier_var(less);
	return less;
}

/* The ways whose tags have the hash, whatever their state: a bit each. */
static __always_inline __u32 ways_of(const struct muster_bucket *bucket, __u64 hash)
{
	__u64 ways = 0;

#pragma unroll
	for (__u32 way = 0; way < MUSTER_WAYS; way++)
		ways |= below((tag_read(&bucket->tag[way]) ^ hash) >> MUSTER_HASH_SHIFT, 1) << way;
	return ways;
}

/* The first of some ways; `ways` is not 0. */
static __always_inline __u32 first_way(__u32 ways)
{
	__u32 lowest = ways & -ways;

	return (below(0, lowest & 0xf0) << 2) | (below(0, lowest & 0xcc) << 1) | below(0, lowest & 0xaa);
}

/* The way in one bucket whose entry is `key`'s; MUSTER_WAYS: none. */
__noinline __u32 bucket_seek(const struct muster_tuple *key, __u64 hash, __u32 table, __u32 index)
{
	struct muster_bucket *bucket = bucket_at(table, index);
	__u32 ways = bucket ? ways_of(bucket, hash) : 0;
	struct slot slot;

	if (!bucket || !key)
		return MUSTER_WAYS;
#pragma clang loop unroll(disable)
	for (int i = 0; i < ALIKE_MOST && ways; i++, ways = opaque(ways & (ways - 1), index)) {
		__u32 way = opaque(first_way(ways), index);

		if (slot_of(&slot, bucket, way) && entry_is(slot.flow, key) && slot_holds(&slot))
			return way;
	}
	return MUSTER_WAYS;
}

/*
 * May a key of this hash have a proven entry (muster/flow.h)? The half that was read must be in force still: the agent
 * clears the other one.
 */
static __always_inline bool maybe_proven(__u64 hash)
{
	__u32 zero = 0, bit = muster_proven_bit(hash), half;
	struct muster_proven *proven = bpf_map_lookup_elem(&muster_proven, &zero);
	__u64 word;

	if (!proven)
		return true;
	half = *(volatile __u32 *)&proven->in_force & 1;
	word = *(volatile __u64 *)&proven->word[half][bit / 64];
	return (word >> bit % 64 & 1) || (*(volatile __u32 *)&proven->in_force & 1) != half;
}

/*
 * An entry of the proven is about to be published for a key of this hash: from now on it is looked for. Its tag says so
 * already, in state TAKEN: so the agent's walk meets it, if it cleared the bit a moment before it is set here.
 */
static __always_inline void note_proven(__u64 hash)
{
	__u32 zero = 0, bit = muster_proven_bit(hash);
	struct muster_proven *proven = bpf_map_lookup_elem(&muster_proven, &zero);

	if (!proven)
		return;
#pragma unroll
	for (int half = 0; half < 2; half++) {
		__u64 *word = &proven->word[half][bit / 64];

		if (!(*(volatile __u64 *)word >> bit % 64 & 1))
			__sync_fetch_and_or(word, 1ULL << bit % 64);
	}
}

/*
 * The buckets of the half-open table in which a key may stand besides: a flow that a flood opened has both directions in one
 * (opening.h). In nat a keyed hash of the client's address and port says which; in fullnat the port of the answers, which was
 * chosen to do so.
 */
enum pair_place { PAIR_BY_PORT, PAIR_BY_DESTINATION, PAIR_BY_SOURCE, PAIR_PLACES };

/* Global, as the others here: verified once. */
__noinline __u32 pair_bucket(const struct muster_tuple *key, __u32 place)
{
	struct muster_config *config = config_of();
	__u32 hash;

	if (!key || !config)
		return 0;
	if (place == PAIR_BY_PORT)
		hash = bpf_ntohs(key->dport);
	else if (place == PAIR_BY_SOURCE)
		hash = client_hash(config, &key->src, key->sport);
	else
		hash = client_hash(config, &key->dst, key->dport);
	return hash & config->bucket_mask[MUSTER_TABLE_HALF_OPEN];
}

/* The place of `key`'s entry, if a flood opened its flow, or MUSTER_NOWHERE. */
__noinline __u32 pair_seek(const struct muster_tuple *key, __u64 hash)
{
	if (!key || !flood_ever())
		return MUSTER_NOWHERE;
#pragma clang loop unroll(disable)
	for (__u32 place = 0; place < PAIR_PLACES; place++) {
		__u32 index = pair_bucket(key, place), way = bucket_seek(key, hash, MUSTER_TABLE_HALF_OPEN, index);

		if (way < MUSTER_WAYS)
			return MUSTER_REF(MUSTER_TABLE_HALF_OPEN, index, way);
	}
	return MUSTER_NOWHERE;
}

/* The place of `key`'s entry in its two buckets of a table, or MUSTER_NOWHERE. */
__noinline __u32 table_seek(const struct muster_tuple *key, __u64 hash, __u32 table)
{
	__u32 zero = 0, index, way;
	struct muster_config *config = bpf_map_lookup_elem(&muster_config, &zero);
	struct muster_bucket *first;

	if (!config || !key || (table != MUSTER_TABLE_HALF_OPEN && !maybe_proven(hash)))
		return MUSTER_NOWHERE;
	table &= MUSTER_TABLES_N - 1;
	index = muster_bucket_first(hash, config->bucket_mask[table]);
	first = bucket_at(table, index);
	if (!first)
		return MUSTER_NOWHERE;
	way = bucket_seek(key, hash, table, index);
	if (way == MUSTER_WAYS && (tag_read(&first->tag[0]) & MUSTER_SPILL)) {
		index = muster_bucket_second(hash, config->bucket_mask[table]);
		way = bucket_seek(key, hash, table, index);
	}
	return way < MUSTER_WAYS ? MUSTER_REF(table, index, way) : MUSTER_NOWHERE;
}

/* Where a key's half-open entry stands. */
static __always_inline __u32 half_open_seek(const struct muster_tuple *key, __u64 hash)
{
	__u32 ref = table_seek(key, hash, MUSTER_TABLE_HALF_OPEN);

	return ref == MUSTER_NOWHERE ? pair_seek(key, hash) : ref;
}

static __always_inline __u32 proven_table(const struct muster_config *config)
{
	return config->table == MUSTER_TABLE_B ? MUSTER_TABLE_B : MUSTER_TABLE_A;
}

/* The table that grew into the one in force, while it holds flows still. */
static __always_inline __u32 older_table(const struct muster_config *config)
{
	return MUSTER_TABLE_A + MUSTER_TABLE_B - proven_table(config);
}

static __always_inline bool has_older(const struct muster_config *config)
{
	return config->bucket_mask[older_table(config)] != 0;
}

/* Where a key's proven entry stands, the older table included. */
static __always_inline __u32 proven_seek(const struct muster_tuple *key, __u64 hash, const struct muster_config *config)
{
	__u32 ref = table_seek(key, hash, proven_table(config));

	if (ref == MUSTER_NOWHERE && has_older(config))
		ref = table_seek(key, hash, older_table(config));
	return ref;
}

static __always_inline __u32 beat(__u32 now)
{
	return now >> MUSTER_BEAT_SHIFT;
}

/* The tag with the beat of a packet that is seen now. */
static __always_inline __u64 tag_seen(__u64 tag, __u32 now)
{
	return (tag & ~MUSTER_SEEN_MASK) | (beat(now) & MUSTER_SEEN_MASK);
}

/* A packet was seen: the tag's beat moves on, unless somebody is at it just now. */
static __always_inline void slot_touch(struct slot *slot, __u32 now)
{
	__u64 fresh = tag_seen(slot->seen, now);

	if (fresh != slot->seen && !dry_run && __sync_val_compare_and_swap(slot->tag, slot->seen, fresh) == slot->seen)
		slot->seen = fresh;
}

static __always_inline bool tag_expired(__u64 tag, const struct muster_config *config, __u32 now)
{
	return muster_tag_idle(tag, beat(now)) > config->timeout[muster_tag_state(tag)];
}

#endif
