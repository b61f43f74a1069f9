/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lane of a flood: a SYN of a fresh flow, in fullnat and nat, while half-open flows are given up before their time. Server
 * and port follow from its hash then, and both directions stand side by side in one bucket of the half-open table, the one
 * toward the server at an even way: in fullnat in the key's own bucket, by a port that says it; in nat in the one that a keyed
 * hash of the client's address and port says (table.h). They take the place of a flow that stood so. Its tags say that (muster/flow.h, pair): the flow that goes is
 * not read, and nothing hangs on it. All that can be asked is asked before the place is taken, so that the looks into memory
 * do not wait for each other. Whatever is not plainly so goes the long way, as in express.h, and so does what another CPU is at.
 */
#ifndef MUSTER_BPF_OPENING_H
#define MUSTER_BPF_OPENING_H

#include "admit.h"
#include "create.h"
#include "pick.h"
#include "service.h"

#define PAIR_SLACK 3                 /* beats: what another CPU has just touched may be newer than this packet's now */
#define PAIR_WAYS  (MUSTER_WAYS - 2) /* the bits of an even way */
#define NOTED_ONE  16 /* flows pushed out: one in so many is noted, for all of them; the counter is shared by all CPUs */

/* The tags of a flow that the lane has opened, and that nothing has happened to but packets. */
#define PAIR_BITS (MUSTER_PAIR | MUSTER_MARK | MUSTER_STATE_MASK)
#define PAIR_EVEN (MUSTER_PAIR | (__u64)MUSTER_FLOW_HALF_OPEN << MUSTER_STATE_SHIFT)
#define PAIR_ODD  (PAIR_EVEN | MUSTER_MARK)

/*
 * What became of the flow: nothing; it is open; likewise, but another CPU took its odd place already; it wants the pair at
 * p->ref cleared first; or it has taken the even place at p->ref, but not the odd one, which another CPU was at.
 */
enum opened { OPENED_NOT, OPENED, OPENED_LOST, OPENED_NEEDS, OPENED_HALF };

/* Where a flow is to stand: a bucket, and which pair of it goes. */
struct opening {
	struct muster_bucket *bucket;
	__u64 answers;   /* hash of the answers' key */
	__u64 tags;      /* of the bucket, all in one: another CPU's doing shows */
	__u64 even, odd; /* of the pair */
	__u32 way;       /* the even one of it */
};

static __always_inline void clear_at(__u32 ref, __u32 now)
{
	struct slot slot;
	bool young;

	if (!slot_at(&slot, ref))
		return;
	young = muster_tag_state(slot.seen) == MUSTER_FLOW_HALF_OPEN &&
		muster_tag_idle(slot.seen, beat(now)) < FLOOD_BEATS;
	if (flow_forget(ref, slot.seen) && young)
		flood_note(now, 1);
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

/* 1 where a tag has the hash, else 0. */
static __always_inline __u64 tag_alike(__u64 tag, __u64 hash)
{
	return (((tag ^ hash) >> MUSTER_HASH_SHIFT) - 1) >> 63;
}

/* Has any of a bucket's tags the hash, whatever its state? As ways_of(), for less. */
static __always_inline bool bucket_has(const struct muster_bucket *bucket, __u64 hash)
{
	__u64 found = 0;

#pragma unroll
	for (__u32 way = 0; way < MUSTER_WAYS; way++) {
		found |= tag_alike(tag_read(&bucket->tag[way]), hash);
		barrier_var(found);
	}
	return found;
}

/*
 * Has any entry the hash in its half-open buckets, but the one at `ref`, which was looked at? Where the first one has not spilled,
 * the second one is not asked.
 */
__noinline int half_open_has(__u64 hash, __u32 ref)
{
	struct muster_config *config = config_of();
	__u32 own = MUSTER_REF_BUCKET(ref), index;
	struct muster_bucket *bucket;

	if (!config)
		return 1;
	index = muster_bucket_first(hash, config->bucket_mask[MUSTER_TABLE_HALF_OPEN]);
	bucket = bucket_at(MUSTER_TABLE_HALF_OPEN, index);
	if (!bucket || (index != own && bucket_has(bucket, hash)))
		return 1;
	if (!(tag_read(&bucket->tag[0]) & MUSTER_SPILL))
		return 0;
	index = muster_bucket_second(hash, config->bucket_mask[MUSTER_TABLE_HALF_OPEN]);
	bucket = bucket_at(MUSTER_TABLE_HALF_OPEN, index);
	return !bucket || (index != own && bucket_has(bucket, hash));
}

/*
 * Of pairs alike, those of one beat, chance says which one goes: else each flow would push out the one just before it, whose
 * server has not answered yet.
 */
static __always_inline __u64 pair_turn(__u64 hash)
{
	return hash >> 24 & PAIR_WAYS;
}

/*
 * A bucket in which not only flows of the lane stand: its pair that gives way the soonest, by its entry that does so last: its
 * rank, its way in the lowest bits. VICTIM_NONE: none may, or one of the two hashes has an entry.
 */
__noinline __u64 bucket_pair(__u32 index, __u64 hash, __u64 answers, __u32 now)
{
	struct muster_bucket *bucket = bucket_at(MUSTER_TABLE_HALF_OPEN, index);
	__u64 best = VICTIM_NONE;

	if (!bucket || bucket_has(bucket, hash) || bucket_has(bucket, answers))
		return VICTIM_NONE;
#pragma clang loop unroll(disable)
	for (__u32 way = 0; way < MUSTER_WAYS; way += 2) {
		__u64 even = victim_rank(tag_read(&bucket->tag[way]), now) | way;
		__u64 odd = victim_rank(tag_read(&bucket->tag[way + 1]), now) | way;

		even ^= (even ^ odd) & -below(even, odd);
		best ^= (best ^ even) & -below(even, best);
	}
	return best;
}

/* Whom the flow goes to, by hash (pick.h). NULL: that is to be asked the long way. */
static __always_inline const struct muster_service *opening_pick(struct packet *p)
{
	struct muster_service *service = service_hinted(&p->key, &p->service_index);
	__u32 index = p->service_index, slot;
	struct muster_server *server;
	void *picks;
	__u64 *length;

	if (!service || one_way(service->mode))
		return NULL;
	picks = bpf_map_lookup_elem(&muster_picks, &index);
	length = picks ? picks_element(picks, MUSTER_PICKS_LEN) : NULL;
	if (!length || !(__u32)*length)
		return NULL;
	slot = slot_index(&p->key, service->scheduler, p->hash);
	server = slot_server(picks, slot % (__u32)*length, p->service_index, &index);
	if (!server || at_limit(server, index))
		return NULL;
	p->server_index = index;
	return service;
}

/* Finds the source port that the hash says, if it is nobody's, and one of the flow's own bucket; p->claim is its number. */
static __always_inline bool opening_port(struct packet *p, __u32 mask)
{
	__u32 server = p->server_index;
	void *ports = bpf_map_lookup_elem(&muster_ports, &server);
	struct muster_ports *head = ports ? ports_line(ports, 0) : NULL;
	struct numbered number;
	__u64 *state;

	if (!head || !head->n)
		return false;
	number = number_by_hash(head, p->hash, mask, 0);
	p->new_port.source = number.source;
	p->new_port.number = bpf_htons(number.port);
	p->claim = opaque(number.n, p->frame_bytes);
	state = ports_state(ports, p->claim);
	return state && port_unheld(state, p->claim) && !((number.port ^ (__u32)p->hash) & mask);
}

/* nat: the client's own. Whether the answers' key is another flow's is asked when it is known. */
static __always_inline bool opening_own_port(struct packet *p)
{
	p->new_port.source = 0;
	p->new_port.number = p->key.sport;
	p->claim = NO_PORT;
	return true;
}

/* Is the packet's flow a fresh one, who gets it, by which port, and in which bucket: p->ref? */
__noinline int opening_prepare(struct packet *p)
{
	struct muster_config *config = config_of();
	const struct muster_service *service;
	__u32 mask, index;

	if (!p || !config)
		return 0;
	p->hash = flow_hash(config, &p->key);
	if (maybe_proven(p->hash))
		return 0;
	service = opening_pick(p);
	if (!service)
		return 0;
	mask = config->bucket_mask[MUSTER_TABLE_HALF_OPEN];
	index = service->mode == MUSTER_MODE_FULLNAT ? (__u32)p->hash : client_hash(config, &p->key.src, p->key.sport);
	p->ref = MUSTER_REF(MUSTER_TABLE_HALF_OPEN, index & mask, 0);
	return service->mode == MUSTER_MODE_FULLNAT ? opening_port(p, mask) : opening_own_port(p);
}

/* Looks at the flow's bucket: which pair of it is to go. False: none may, or one of the keys has an entry there. */
static __always_inline bool opening_look(const struct packet *p, struct opening *o)
{
	__u64 other = 0, alike = 0, tags = 0, best = VICTIM_NONE, turn = pair_turn(p->hash);

#pragma unroll
	for (__u32 way = 0; way < MUSTER_WAYS; way += 2) {
		__u64 even = tag_read(&o->bucket->tag[way]), odd = tag_read(&o->bucket->tag[way + 1]);
		__u64 rank = ((even - beat(p->now) - PAIR_SLACK) & MUSTER_SEEN_MASK) << VICTIM_WAY_BITS | (way ^ turn);

		tags ^= even ^ odd;
		other |= (even ^ PAIR_EVEN) | (odd ^ PAIR_ODD);
		alike |= tag_alike(even, p->hash) | tag_alike(odd, o->answers);
		best ^= (best ^ rank) & -below(rank, best);
		/* Else all tags are read ahead, and lie on the stack. */
		barrier_var(best);
	}
	if (other & PAIR_BITS)
		best = bucket_pair(MUSTER_REF_BUCKET(p->ref), p->hash, o->answers, p->now) ^
		       pair_turn(*(const volatile __u64 *)&p->hash);
	else if (alike)
		return false;
	o->tags = tags;
	turn = best ^ pair_turn(*(const volatile __u64 *)&p->hash);
	/* Masked last: Linux 6.1 does not know the bounds of an exclusive or. */
	barrier_var(turn);
	o->way = turn & PAIR_WAYS;
	o->even = tag_read(&o->bucket->tag[o->way]);
	o->odd = tag_read(&o->bucket->tag[o->way + 1]);
	return (best & VICTIM_NONE) < (__u64)VICTIM_PROVEN << VICTIM_CLASS_SHIFT;
}

/* May the pair be taken as it is: is it free, or a flow of the lane's? */
static __always_inline bool is_pair(const struct opening *o)
{
	return !((o->even ^ PAIR_EVEN) & PAIR_BITS || (o->odd ^ PAIR_ODD) & PAIR_BITS) ||
	       !((o->even | o->odd) & MUSTER_STATE_MASK);
}

/*
 * Neither key has another entry, or is about to: asked when the claims of both are visible, as in contested(). The proven are
 * asked last, for what has moved meanwhile. In fullnat the port has a bit where the answers' key has an entry elsewhere.
 */
static __always_inline bool opening_alone(const struct packet *p, const struct opening *o)
{
	__u64 tags = o->tags;

#pragma unroll
	for (__u32 way = 0; way < MUSTER_WAYS; way++)
		tags ^= tag_read(&o->bucket->tag[way]);
	if (tags || half_open_has(p->hash, p->ref) || maybe_proven(p->hash))
		return false;
	if (p->claim != NO_PORT)
		return !port_held(p->server_index, p->claim);
	return !half_open_has(o->answers, p->ref) && !maybe_proven(o->answers);
}

/*
 * Publishes the direction toward the client, whose tag was taken, with a plain write: nobody else writes to a tag then but who
 * spills, into a bucket's first one, and this one is at an odd way. x86 keeps the order of writes, and here clang has to;
 * elsewhere a full barrier belongs before it.
 */
static __always_inline void odd_publish(__u64 *tag, __u64 taken)
{
	barrier();
	*(volatile __u64 *)tag = (taken & ~MUSTER_STATE_MASK) | PAIR_ODD;
}

/* Writes both directions to their pair. */
static __always_inline bool opening_write(const struct packet *p, const struct opening *o,
					  const struct muster_tuple *answer, const struct ethhdr *eth)
{
	struct muster_flow *to_server = &o->bucket->flow[o->way], *to_client = &o->bucket->flow[o->way + 1];
	const struct muster_service *service = service_of(p);
	const struct muster_server *server = server_of(p);

	if (!service || !server)
		return false;
	write_common(to_server, p, answer->sport, server->generation, service->mode);
	set_diffs(to_server, p, answer);
	write_to_server(to_server, p, eth, p->ref | 1);
	write_common(to_client, p, answer->sport, server->generation, service->mode);
	write_to_client(to_client, p, eth, p->ref);
	set_diffs_back(to_client, to_server);
	return true;
}

/*
 * Does the flow whose pair was taken show that there is a flood, and is it one of those that are noted? In nat all flows of one
 * port of a client's share a bucket, whatever they ask for: few of them fill it, and say nothing about the table.
 */
static __always_inline bool flood_shows(const struct packet *p, const struct opening *o)
{
	const struct muster_flow *flow = &o->bucket->flow[o->way];

	return (o->even & MUSTER_STATE_MASK) && !(p->hash >> 20 & (NOTED_ONE - 1)) &&
	       muster_tag_idle(o->even, beat(p->now)) < FLOOD_BEATS &&
	       (flow->client_port != p->key.sport || !same_addr(&flow->client, &p->key.src));
}

/* Takes the pair for the flow, from the one that has it, and enters the flow. */
static __always_inline enum opened opening_take(const struct packet *p, struct opening *o,
						const struct muster_tuple *answer, const struct ethhdr *eth)
{
	__u64 *even = &o->bucket->tag[o->way], *odd = &o->bucket->tag[o->way + 1];
	__u64 even_taken = tag_taken(o->even, p->hash, p->now), odd_taken = tag_taken(o->odd, o->answers, p->now);

	/* The bucket's as they are to be then; made here, where less lies on the stack. */
	o->tags ^= o->even ^ o->odd ^ even_taken ^ odd_taken;
	barrier_var(o->tags);
	if (__sync_val_compare_and_swap(even, o->even, even_taken) != o->even)
		return OPENED_NOT;
	if (__sync_val_compare_and_swap(odd, o->odd, odd_taken) != o->odd)
		return OPENED_HALF;
	if (flood_shows(p, o))
		flood_note(p->now, NOTED_ONE);
	if (!opening_alone(p, o) || !opening_write(p, o, answer, eth)) {
		entry_publish(odd, MUSTER_FLOW_FREE, 0);
		entry_publish(even, MUSTER_FLOW_FREE, 0);
		return OPENED_NOT;
	}
	odd_publish(odd, odd_taken);
	entry_publish(even, MUSTER_FLOW_HALF_OPEN, MUSTER_PAIR);
	/* Whoever took the other one meanwhile found this one not yet published. */
	return (tag_read(odd) ^ odd_taken) & MUSTER_OWNER_MASK ? OPENED_LOST : OPENED;
}

/* Enters the prepared flow, at p->ref. Returns enum opened. */
__noinline int opening_enter(struct xdp_md *ctx, struct packet *p)
{
	struct ethhdr *eth = packet_data(ctx);
	struct muster_tuple answer = {};
	struct opening o;

	if (!p || (void *)(eth + 1) > packet_end(ctx) || (eth->h_dest[0] & 1))
		return OPENED_NOT;
	p->ref &= ~(MUSTER_WAYS - 1);
	o.bucket = bucket_at(MUSTER_TABLE_HALF_OPEN, MUSTER_REF_BUCKET(p->ref));
	o.answers = answer_of(p, &answer);
	if (!o.bucket || !o.answers || (p->claim == NO_PORT && maybe_proven(o.answers)) || !opening_look(p, &o))
		return OPENED_NOT;
	p->ref |= o.way;
	return is_pair(&o) ? opening_take(p, &o, &answer, eth) : OPENED_NEEDS;
}

/* Is the packet for the lane, and its flow open now, at p->ref? */
__noinline int opened_at_once(struct xdp_md *ctx, struct packet *p)
{
	struct slot slot;
	int opened;

	if (!p || dry_run || p->key.proto != IPPROTO_TCP || p->ttl <= 1 || p->first_fragment)
		return false;
	p->now = bpf_jiffies64();
	if (!(flood_state(p->now) & FLOOD_NOW) || (!p->payload_bytes && !syn_checksum_good(ctx, p)))
		return false;
	opened = opening_prepare(p) ? opening_enter(ctx, p) : OPENED_NOT;
	if (opened == OPENED_NEEDS) {
		pair_clear(p->ref, p->now);
		opened = opening_enter(ctx, p);
	}
	if (opened == OPENED_HALF) {
		twin_free(p->ref | 1, p->ref);
		claim_drop(p->ref);
	}
	if (opened == OPENED_LOST && slot_at(&slot, p->ref) && tag_has(slot.seen, p->hash))
		flow_forget(p->ref, slot.seen);
	p->opened = opened == OPENED || opened == OPENED_LOST;
	if (p->opened)
		return true;
	p->ref = MUSTER_NOWHERE;
	p->service_index = p->server_index = NONE;
	return false;
}

#endif
