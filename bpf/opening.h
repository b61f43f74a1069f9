/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lane of a flood: a SYN of a fresh flow, in fullnat, while half-open flows are given up before their time. Server and
 * port follow from its hash then, and the port is one that says the same bucket of the half-open table as the hash does: both
 * directions stand in it side by side, the one toward the server at an even way, and take the place of a flow that stood
 * so. That is a few lines of memory for all of it. Whatever is not plainly so goes the long way, as in express.h, and so
 * does what another CPU is at.
 */
#ifndef MUSTER_BPF_OPENING_H
#define MUSTER_BPF_OPENING_H

#include "admit.h"
#include "create.h"
#include "pick.h"
#include "service.h"

#define PAIR_SLACK 3 /* beats: what another CPU has just touched may be newer than this packet's now */

/*
 * What opening_enter() did: nothing; it opened the flow; likewise, but another CPU pushed it out already; or it wants the pair
 * cleared whose place is that much more than it.
 */
enum opened { OPENED_NOT, OPENED, OPENED_LOST, OPENED_NEEDS };

/* How soon an entry gives way, as victim_rank(), but for expired ones: those have been idle the longest. */
static __always_inline __u64 pair_rank_of(__u64 tag, __u32 now)
{
	__u64 class = CLASSES >> muster_tag_state(tag) * 4 & 15;

	return class << VICTIM_CLASS_SHIFT | ((tag - beat(now) - PAIR_SLACK) & MUSTER_SEEN_MASK) << VICTIM_WAY_BITS;
}

/* The pair of ways that gives way the soonest, by its entry that does so last: its rank, the even way in the lowest bits. */
static __always_inline __u64 pair_choose(const struct muster_bucket *bucket, __u32 now)
{
	__u64 best = VICTIM_NONE;

#pragma unroll
	for (__u32 way = 0; way < MUSTER_WAYS; way += 2) {
		__u64 a = pair_rank_of(tag_read(&bucket->tag[way]), now) | way;
		__u64 b = pair_rank_of(tag_read(&bucket->tag[way + 1]), now) | way;

		a ^= (a ^ b) & -below(a, b);
		best ^= (best ^ a) & -below(a, best);
		/* Else all tags are read ahead, and lie on the stack. */
		barrier_var(best);
	}
	return best;
}

/* What stands in a pair of ways: nothing, or both directions of one flow in fullnat that nobody counts. */
static __always_inline bool is_pair(const struct slot *even, const struct slot *odd, __u32 ref)
{
	const struct muster_flow *flow = odd->flow;

	if (!((even->seen | odd->seen) & MUSTER_STATE_MASK))
		return true;
	return tag_lives(even->seen) && tag_lives(odd->seen) && even->flow->twin == (ref | 1) && flow->twin == ref &&
	       flow->dir == MUSTER_TO_CLIENT && flow->mode == MUSTER_MODE_FULLNAT && !(even->seen & MUSTER_MARK);
}

static __always_inline void clear_at(__u32 ref, __u32 now)
{
	struct slot slot;
	bool young;

	if (!slot_at(&slot, ref))
		return;
	young = muster_tag_state(slot.seen) == MUSTER_FLOW_HALF_OPEN &&
		muster_tag_idle(slot.seen, beat(now)) < FLOOD_BEATS;
	if (flow_forget(ref, slot.seen) && young)
		flood_note(now);
}

/* Gives up whatever flows stand in a pair of ways. Global, as the others here: verified once (table.h). */
__noinline int pair_clear(__u32 ref, __u32 now)
{
	if (dry_run)
		return 0;
	clear_at(ref, now);
	clear_at(ref | 1, now);
	return 0;
}

/* How many of a bucket's tags have the hash: as ways_of(), for less. */
static __always_inline __u32 count_of(const struct muster_bucket *bucket, __u64 hash)
{
	__u64 found = 0;

#pragma unroll
	for (__u32 way = 0; way < MUSTER_WAYS; way++) {
		found += (((tag_read(&bucket->tag[way]) ^ hash) >> MUSTER_HASH_SHIFT) - 1) >> 63;
		barrier_var(found);
	}
	return found;
}

/*
 * Has any entry the hash in its half-open buckets, or is about to have it, but for so many of the packet's own in the first
 * one? Where that one has not spilled, the second one is not asked.
 */
__noinline int half_open_has(__u64 hash, __u32 own)
{
	struct muster_config *config = config_of();
	struct muster_bucket *bucket;
	__u32 mask;

	if (!config)
		return 1;
	mask = config->bucket_mask[MUSTER_TABLE_HALF_OPEN];
	bucket = bucket_at(MUSTER_TABLE_HALF_OPEN, muster_bucket_first(hash, mask));
	if (!bucket || count_of(bucket, hash) > own)
		return 1;
	if (!(tag_read(&bucket->tag[0]) & MUSTER_SPILL))
		return 0;
	bucket = bucket_at(MUSTER_TABLE_HALF_OPEN, muster_bucket_second(hash, mask));
	return !bucket || count_of(bucket, hash);
}

/* Whom the flow goes to, by hash (pick.h); NULL: that is to be asked the long way. */
static __always_inline const struct muster_server *opening_pick(struct packet *p)
{
	struct muster_service *service = service_hinted(&p->key, &p->service_index);
	__u32 index = p->service_index, slot;
	struct muster_server *server;
	void *picks;
	__u64 *length;

	if (!service || service->mode != MUSTER_MODE_FULLNAT)
		return NULL;
	picks = bpf_map_lookup_elem(&muster_picks, &index);
	length = picks ? picks_element(picks, MUSTER_PICKS_LEN) : NULL;
	if (!length || !*length)
		return NULL;
	slot = opaque(slot_index(&p->key, service->scheduler, p->hash), p->frame_bytes);
	server = slot_server(picks, slot % *length, p->service_index, &index);
	if (!server || at_limit(server, index))
		return NULL;
	p->server_index = index;
	return server;
}

/* Holds the source port that the hash says, if it is nobody's, and one of that bucket's. */
static __always_inline bool opening_port(struct packet *p, __u32 mask)
{
	__u32 server = p->server_index, n;
	void *ports = bpf_map_lookup_elem(&muster_ports, &server);
	struct muster_ports *head = ports ? ports_line(ports, 0) : NULL;
	__u64 *state, bit, taken;

	if (!head || !head->n || !head->per_source)
		return false;
	n = opaque(number_by_hash(head, p->hash, mask, 0), p->frame_bytes);
	p->new_port.source = n / head->per_source & (MUSTER_MAX_SOURCES - 1);
	p->new_port.number = opaque(port_at(head, n), p->frame_bytes);
	p->new_port.ringed = true;
	state = ports_state(ports, n);
	bit = PORT_HELD << n % MUSTER_PORTS_A_WORD;
	taken = bit | bit << 32;
	if (!state || ((bpf_ntohs(p->new_port.number) ^ (__u32)p->hash) & mask) || (*(volatile __u64 *)state & taken))
		return false;
	taken &= __sync_fetch_and_or(state, bit);
	if (taken && !(taken & bit))
		__sync_fetch_and_and(state, ~bit);
	return !taken;
}
_Static_assert(PORT_LINGERS == PORT_HELD << 32, "opening_port() asks for both");

/* Is the packet's flow a fresh one, and who gets it, by which port? The port is held then. */
__noinline int opening_prepare(struct xdp_md *ctx, struct packet *p)
{
	struct ethhdr *eth = packet_data(ctx);
	struct muster_config *config = config_of();

	if (dry_run || !p || !config || (void *)(eth + 1) > packet_end(ctx) || (eth->h_dest[0] & 1))
		return 0;
	p->hash = flow_hash(config, &p->key);
	if (maybe_proven(p->hash) || half_open_has(p->hash, 0) || (!p->payload_bytes && !syn_checksum_good(ctx, p)))
		return 0;
	return opening_pick(p) && opening_port(p, config->bucket_mask[MUSTER_TABLE_HALF_OPEN]);
}

/* Where the flow is to stand. */
struct opening {
	struct muster_bucket *bucket;
	__u64 answers; /* hash of the answers' key */
	__u32 ref;     /* the even place of its pair */
	struct slot even, odd;
};

/* Takes the best pair of a bucket for the flow, from the one that has it. */
static __always_inline enum opened opening_take(const struct packet *p, struct opening *o,
						const struct muster_config *config)
{
	__u32 index = muster_bucket_first(p->hash, config->bucket_mask[MUSTER_TABLE_HALF_OPEN]), way;
	struct muster_bucket *bucket = bucket_at(MUSTER_TABLE_HALF_OPEN, index);
	__u64 rank = bucket ? pair_choose(bucket, p->now) : VICTIM_NONE;

	o->bucket = bucket;
	if (!bucket || rank >= (__u64)VICTIM_PROVEN << VICTIM_CLASS_SHIFT)
		return OPENED_NOT;
	way = rank & (MUSTER_WAYS - 2);
	o->ref = MUSTER_REF(MUSTER_TABLE_HALF_OPEN, index, way);
	slot_of(&o->even, bucket, way);
	slot_of(&o->odd, bucket, way + 1);
	if (!is_pair(&o->even, &o->odd, o->ref))
		return OPENED_NEEDS;
	if (!slot_win(&o->even, p->hash, p->now))
		return OPENED_NOT;
	if (slot_win(&o->odd, o->answers, p->now))
		return OPENED;
	/* Another CPU has touched it, or has made it another's. */
	twin_free(o->ref | 1, o->ref);
	entry_publish(o->even.tag, MUSTER_FLOW_FREE, false);
	return OPENED_NOT;
}

/* The flow that stood there is over. */
static __always_inline void opening_release(const struct packet *p, const struct opening *o)
{
	const struct muster_flow *flow = o->odd.flow;
	__u32 state = muster_tag_state(o->odd.seen);

	if (!state)
		return;
	port_turn(flow->server, flow->source, flow->nat_port, PORT_ENDS_OPEN + below(state ^ MUSTER_FLOW_CLOSING, 1),
		  !!(o->odd.seen & MUSTER_MARK));
	if (state == MUSTER_FLOW_HALF_OPEN && muster_tag_idle(o->odd.seen, beat(p->now)) < FLOOD_BEATS)
		flood_note(p->now);
}
_Static_assert(PORT_ENDS_CLOSED == PORT_ENDS_OPEN + 1, "opening_release() adds");

/* Writes both directions to their pair, which stands at `ref`, and publishes them. */
__noinline int opening_write(struct xdp_md *ctx, struct packet *p, __u32 ref)
{
	struct ethhdr *eth = packet_data(ctx);
	struct muster_bucket *bucket = bucket_at(MUSTER_TABLE_HALF_OPEN, MUSTER_REF_BUCKET(ref));
	struct muster_flow *to_server, *to_client;
	const struct muster_server *server;
	struct muster_tuple answer;
	__u32 way = MUSTER_REF_WAY(ref) & (MUSTER_WAYS - 2);

	server = p ? server_of(p) : NULL;
	if (!server || !bucket || (void *)(eth + 1) > packet_end(ctx))
		return 0;
	answer_key(&answer, p, server, MUSTER_MODE_FULLNAT);
	to_server = &bucket->flow[way];
	to_client = &bucket->flow[way + 1];
	write_common(to_server, p, answer.sport, server->generation, MUSTER_MODE_FULLNAT);
	write_to_server(to_server, p, &answer, eth, ref | 1);
	write_common(to_client, p, answer.sport, server->generation, MUSTER_MODE_FULLNAT);
	write_to_client(to_client, p, eth, ref);
	/* What one direction adds to a checksum the other one takes away: its complement (RFC 1624). */
	to_client->ip_diff = ~to_server->ip_diff;
	to_client->l4_diff = ~to_server->l4_diff;
	entry_publish(&bucket->tag[way + 1], MUSTER_FLOW_HALF_OPEN, true);
	entry_publish(&bucket->tag[way], MUSTER_FLOW_HALF_OPEN, false);
	p->ref = ref;
	p->opened = 1;
	return 1;
}

/* Opens the prepared flow, at p->ref; else nothing has changed. Returns enum opened. */
__noinline int opening_enter(struct xdp_md *ctx, struct packet *p)
{
	struct muster_config *config = config_of();
	struct muster_tuple answer = {};
	enum opened opened;
	struct opening o;

	if (!p || !config)
		return OPENED_NOT;
	o.answers = answer_of(p, &answer);
	opened = opening_take(p, &o, config);
	if (opened == OPENED) {
		opening_release(p, &o);
		/* As contested(): asked when the claims of both keys are visible. */
		if (count_of(o.bucket, o.answers) == 1 && !half_open_has(p->hash, 1) && !half_open_has(o.answers, 0)) {
			opening_write(ctx, p, o.ref);
			/* Whoever took the answers' place meanwhile found this one not yet published. */
			if (!((tag_read(o.odd.tag) ^ tag_taken(o.odd.seen, o.answers, 0)) & MUSTER_OWNER_MASK))
				return OPENED;
			flow_forget_at(o.ref);
			return OPENED_LOST;
		}
		entry_publish(o.even.tag, MUSTER_FLOW_FREE, false);
		entry_publish(o.odd.tag, MUSTER_FLOW_FREE, false);
	}
	return opened == OPENED_NEEDS ? (int)(OPENED_NEEDS + o.ref) : OPENED_NOT;
}

/* Is the packet for the lane, and its flow open now, at p->ref? */
__noinline int opened_at_once(struct xdp_md *ctx, struct packet *p)
{
	int opened;

	if (!p || p->key.proto != IPPROTO_TCP || p->ttl <= 1 || p->first_fragment)
		return false;
	p->now = bpf_jiffies64();
	if (!(flood_state(p->now) & FLOOD_NOW))
		return false;
	if (opening_prepare(ctx, p)) {
		opened = opening_enter(ctx, p);
		if (opened >= OPENED_NEEDS) {
			pair_clear(opened - OPENED_NEEDS, p->now);
			opened = opening_enter(ctx, p);
		}
		if (opened == OPENED || opened == OPENED_LOST)
			return true;
		port_turn(p->server_index, p->new_port.source, p->new_port.number, PORT_ENDS_OPEN, true);
	}
	p->service_index = p->server_index = NONE;
	return false;
}

#endif
