/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A flow moves to the table of proven flows: out of the half-open one when it is proven, out of an older one, which the
 * table has outgrown, at its next packet. The new entries are published before the old ones go, so that no packet on another
 * CPU finds neither.
 */
#ifndef MUSTER_BPF_MOVE_H
#define MUSTER_BPF_MOVE_H

#include "enter.h"

/* Claims the place of one direction. A flow that is closing, of the same key, goes for it; a live one does not. */
static __always_inline __u32 claim_place(const struct muster_tuple *key, __u64 hash, __u32 table, __u32 now)
{
	__u32 ref = slot_claim(key, hash, table, now), old;
	struct slot slot;

	if (ref != CLAIM_TAKEN)
		return ref;
	old = table_seek(key, hash, table);
	if (!slot_at(&slot, old) || muster_tag_state(slot.seen) != MUSTER_FLOW_CLOSING)
		return CLAIM_TAKEN;
	flow_forget(old, slot.seen);
	return slot_claim(key, hash, table, now);
}

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

static __always_inline void claim_drop(__u32 ref)
{
	struct slot slot;

	if (claimed(ref) && claim_at(&slot, ref))
		entry_publish(slot.tag, MUSTER_FLOW_FREE, false);
}

/* Copies one direction to its new place, and publishes it there, in `state`. */
__noinline int entry_copy(__u32 to, __u32 from, __u32 twin, __u32 state)
{
	struct slot old, new;

	if (!slot_at(&old, from) || !claim_at(&new, to))
		return 0;
	*new.flow = *old.flow;
	new.flow->twin = twin;
	if (state == MUSTER_FLOW_ESTABLISHED)
		new.flow->flags |= MUSTER_FLOW_PROVEN;
	entry_publish(new.tag, state, old.seen & MUSTER_MARK);
	return 1;
}

/*
 * Takes the old entry away from under the new one: what hangs on it has moved. 0: another CPU gave it up, or closed it,
 * meanwhile; then the new one goes too, because its port or its count are gone.
 */
__noinline int entry_leave(__u32 from, __u64 owner, __u32 to)
{
	struct slot old, new;

	for (int i = 0; i < CAS_ATTEMPTS; i++) {
		if (!slot_at(&old, from) || ((old.seen ^ owner) & MUSTER_OWNER_MASK) ||
		    muster_tag_state(old.seen) == MUSTER_FLOW_CLOSING)
			break;
		if (!slot_win(&old, 0, 0))
			continue;
		entry_publish(old.tag, MUSTER_FLOW_FREE, false);
		return 1;
	}
	if (slot_at(&new, to) && slot_win(&new, 0, 0))
		entry_publish(new.tag, MUSTER_FLOW_FREE, false);
	return 0;
}

/*
 * Carries the flow of which one direction, `key`, stands at `from`; over; it goes on in `state`. Returns that direction's place:
 * the new one, or `from` where the table has no room for both.
 */
__noinline __u32 flow_carry(const struct muster_tuple *key, __u64 hash, __u32 from, __u32 state)
{
	__u32 zero = 0, table, to, other, to_other = MUSTER_NOWHERE, now = bpf_jiffies64();
	struct muster_config *config = bpf_map_lookup_elem(&muster_config, &zero);
	struct muster_tuple twin_key;
	struct slot slot, twin;

	if (dry_run || !config || !key || !slot_at(&slot, from))
		return from;
	table = proven_table(config);
	other = twin_of(&twin, slot.flow, from);
	if (other == MUSTER_NOWHERE && slot.flow->twin != MUSTER_NOWHERE)
		return from;
	to = claim_place(key, hash, table, now);
	if (!claimed(to))
		return from;
	if (other != MUSTER_NOWHERE) {
		to_other = CLAIM_FULL;
		if (flow_key(&twin_key, slot.flow, twin.flow->dir))
			to_other = claim_place(&twin_key, flow_hash(config, &twin_key), table, now);
		if (!claimed(to_other)) {
			claim_drop(to);
			return from;
		}
	}
	if (other != MUSTER_NOWHERE)
		entry_copy(to_other, other, to, state);
	entry_copy(to, from, to_other, state);
	entry_leave(from, slot.seen, to);
	if (other != MUSTER_NOWHERE)
		entry_leave(other, twin.seen, to_other);
	return to;
}

#endif
