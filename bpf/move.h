/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A flow moves to the table of proven flows: out of the half-open one when it is proven, out of an older one, which the
 * table has outgrown, at its next packet. The new entries are published before the old ones go, so that no packet on another
 * CPU finds neither.
 */
#ifndef MUSTER_BPF_MOVE_H
#define MUSTER_BPF_MOVE_H

#include "change.h"

#define NO_RECORD 0xffff /* an index of no service and no server */

/*
 * Claims a place among the proven flows for a direction. A flow that is closing, of the same key, goes for it; a live one does
 * not. Global, as the others here: verified once (table.h).
 */
__noinline __u32 proven_claim(const struct muster_tuple *key, __u64 hash, __u32 now)
{
	struct muster_config *config = config_of();
	struct slot slot;
	__u32 ref, old;

	if (!config || !key)
		return CLAIM_FULL;
	ref = slot_claim(key, hash, proven_table(config), now);
	if (ref != CLAIM_TAKEN)
		return ref;
	old = table_seek(key, hash, proven_table(config));
	if (!slot_at(&slot, old) || muster_tag_state(slot.seen) != MUSTER_FLOW_CLOSING)
		return CLAIM_TAKEN;
	flow_forget(old, slot.seen);
	return slot_claim(key, hash, proven_table(config), now);
}

/* The same for the direction that stands at `ref`, whose key its records tell. */
__noinline __u32 proven_claim_for(__u32 ref, __u32 now)
{
	struct muster_config *config = config_of();
	struct muster_tuple key;
	struct slot slot;

	if (!config || !slot_at(&slot, ref) || !flow_key(&key, slot.flow, slot.flow->dir))
		return CLAIM_FULL;
	return proven_claim(&key, flow_hash(config, &key), now);
}

/*
 * Copies one direction to its new place, and publishes it there, in `state`; `tag` is the old one's. Where that one is gone, or
 * changed hands while it was read, nobody is to see what was read, half of it another flow's: an entry of nobody's stands
 * there, so that the place stays this flow's until entry_leave() takes it back.
 */
__noinline int entry_copy(__u32 to, __u32 from, __u32 twin, __u32 state, __u64 tag)
{
	struct slot old, new;
	bool there = slot_at(&old, from);

	if (!claim_at(&new, to))
		return claim_drop(to);
	if (there)
		*new.flow = *old.flow;
	new.flow->twin = twin;
	if (!there || ((old.seen ^ tag) & MUSTER_OWNER_MASK) || !slot_holds(&old)) {
		*new.flow = (struct muster_flow){.service = NO_RECORD, .server = NO_RECORD, .twin = MUSTER_NOWHERE};
		tag = 0;
	}
	if (state == MUSTER_FLOW_ESTABLISHED)
		new.flow->flags |= MUSTER_FLOW_PROVEN;
	entry_publish(new.tag, state, tag & MUSTER_MARK);
	return 1;
}

/* Takes a new entry back: what hangs on the flow does not hang on it. */
static __always_inline void entry_withdraw(__u32 to)
{
	struct slot slot;

	for (int i = 0; i < CAS_ATTEMPTS && slot_at(&slot, to); i++) {
		if (!slot_win(&slot, 0, 0))
			continue;
		entry_publish(slot.tag, MUSTER_FLOW_FREE, 0);
		return;
	}
}

/*
 * Takes the old entry, whose tag was `tag`, away from under the new one: what hangs on it has moved. 0: another CPU gave it up,
 * or closed it, meanwhile; then the new one is withdrawn, because its port or its count are gone.
 */
__noinline int entry_leave(__u32 from, __u64 tag, __u32 to)
{
	struct slot slot;

	for (int i = 0; i < CAS_ATTEMPTS; i++) {
		if (!slot_at(&slot, from) || ((slot.seen ^ tag) & ~(MUSTER_SEEN_MASK | MUSTER_SPILL)) ||
		    muster_tag_state(slot.seen) == MUSTER_FLOW_CLOSING)
			break;
		if (!slot_win(&slot, 0, 0))
			continue;
		entry_publish(slot.tag, MUSTER_FLOW_FREE, 0);
		return 1;
	}
	entry_withdraw(to);
	return 0;
}

/* One direction of a flow on its way: its old place and tag, and the new place. */
struct leg {
	__u32 from, to;
	__u64 tag;
};

/*
 * The old entries go, in the order in which flow_turn() turns them: whoever closes the flow meanwhile has either both, or none.
 * Where the second one went another way, the flow ends.
 */
static __always_inline void legs_leave(const struct leg *to_client, const struct leg *to_server)
{
	if (!entry_leave(to_client->from, to_client->tag, to_client->to)) {
		entry_withdraw(to_server->to);
	} else if (!entry_leave(to_server->from, to_server->tag, to_server->to)) {
		flow_forget_at(to_client->to);
		flow_forget(to_server->from, to_server->tag);
	}
}

/*
 * Both directions of the flow whose key has that hash go from their places to claimed ones: each claim is used, or given up.
 */
__noinline int carry(__u64 hash, __u32 from, __u32 to, __u32 to_other, __u32 state)
{
	struct slot slot, twin;
	struct leg this, other;
	bool answers;

	if (!slot_at(&slot, from) || !tag_has(slot.seen, hash)) {
		claim_drop(to_other);
		return claim_drop(to);
	}
	this = (struct leg){from, to, slot.seen};
	answers = slot.flow->dir == MUSTER_TO_CLIENT;
	other = (struct leg){twin_of(&twin, slot.flow, from), to_other, twin.seen};
	if (other.from == MUSTER_NOWHERE || !claimed(to_other)) {
		claim_drop(to_other);
		entry_copy(to, from, MUSTER_NOWHERE, state, this.tag);
		return entry_leave(from, this.tag, to);
	}
	entry_copy(to_other, other.from, to, state, other.tag);
	entry_copy(to, from, to_other, state, this.tag);
	if (answers)
		legs_leave(&this, &other);
	else
		legs_leave(&other, &this);
	return 1;
}

/* The place of the other direction of the flow at `ref`, or MUSTER_NOWHERE. */
__noinline __u32 twin_place(__u32 ref)
{
	struct slot slot, twin;

	return slot_at(&slot, ref) ? twin_of(&twin, slot.flow, ref) : MUSTER_NOWHERE;
}

/* A flow that the proven have no room for changes its state where it is. */
static __always_inline void stay(const struct packet *p)
{
	struct slot slot;

	if (!slot_at(&slot, p->ref) || !tag_has(slot.seen, p->hash) || muster_tag_state(slot.seen) == p->promote)
		return;
	flow_turn(p->ref, slot.seen, p->promote);
	if (p->promote == MUSTER_FLOW_ESTABLISHED)
		flow_flag(slot.flow, p->ref, MUSTER_FLOW_PROVEN);
}

/* A flow of a flood whose port is not to be had just now stays what it is; its next packet tries again (change.h). */
static __always_inline void note_proof(const struct packet *p)
{
	struct slot slot;

	if (slot_at(&slot, p->ref) && tag_has(slot.seen, p->hash))
		flow_flag(slot.flow, p->ref, MUSTER_FLOW_PROVEN);
}

/* The packet's flow goes on among the proven ones, in the state p->promote. */
static __always_inline void move(struct packet *p)
{
	__u32 other = twin_place(p->ref), to, to_other = MUSTER_NOWHERE;

	if (!pair_settle(p->ref, p->hash))
		return note_proof(p);
	to = proven_claim(&p->key, p->hash, p->now);
	if (!claimed(to))
		return stay(p);
	if (other != MUSTER_NOWHERE) {
		to_other = proven_claim_for(other, p->now);
		if (!claimed(to_other)) {
			claim_drop(to);
			return stay(p);
		}
	}
	carry(p->hash, p->ref, to, to_other, p->promote);
	p->ref = to;
}

#endif
