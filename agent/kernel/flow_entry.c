// SPDX-License-Identifier: GPL-2.0-or-later
#include "flow_entry.h"

#include "inside.h"
#include "port_ring.h"

static struct muster_bucket *bucket_of(const struct kernel *kernel, uint32_t ref)
{
	const struct flow_table *table = &kernel->tables.at[MUSTER_REF_TABLE(ref)];

	return MUSTER_REF_BUCKET(ref) < table->buckets ? &table->bucket[MUSTER_REF_BUCKET(ref)] : NULL;
}

bool flow_entry_read(const struct kernel *kernel, uint32_t ref, struct flow_entry *out)
{
	struct muster_bucket *bucket = bucket_of(kernel, ref);
	uint32_t way = MUSTER_REF_WAY(ref), state;

	if (!bucket)
		return false;
	out->ref = ref;
	out->tag = __atomic_load_n(&bucket->tag[way], __ATOMIC_ACQUIRE);
	state = muster_tag_state(out->tag);
	if (state == MUSTER_FLOW_FREE || state == MUSTER_FLOW_TAKEN)
		return false;
	out->flow = *(const volatile struct muster_flow *)&bucket->flow[way];
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !((__atomic_load_n(&bucket->tag[way], __ATOMIC_RELAXED) ^ out->tag) & MUSTER_OWNER_MASK);
}

bool flow_entry_twin(const struct kernel *kernel, const struct flow_entry *entry, struct flow_entry *out)
{
	return entry->flow.twin != MUSTER_NOWHERE && flow_entry_read(kernel, entry->flow.twin, out) &&
	       out->flow.twin == entry->ref && out->flow.dir != entry->flow.dir;
}

static bool is_idle(const struct kernel *kernel, uint64_t tag, uint32_t now, uint32_t grace)
{
	uint32_t timeout = kernel->config.timeout[muster_tag_state(tag)];

	return timeout && muster_tag_idle(tag, now) > timeout + grace;
}

bool flow_entry_over(const struct kernel *kernel, const struct flow_entry *entry, uint32_t now, uint32_t grace)
{
	struct flow_entry twin;

	return is_idle(kernel, entry->tag, now, grace) &&
	       (!flow_entry_twin(kernel, entry, &twin) || is_idle(kernel, twin.tag, now, grace));
}

bool flow_entry_live(const struct kernel *kernel, const struct flow_entry *entry, uint32_t now)
{
	const struct muster_server *server = &kernel->servers[entry->flow.server % MUSTER_MAX_SERVERS];

	if (entry->flow.dir != MUSTER_TO_SERVER || muster_tag_state(entry->tag) == MUSTER_FLOW_CLOSING ||
	    entry->flow.server >= MUSTER_MAX_SERVERS || entry->flow.service >= MUSTER_MAX_SERVICES)
		return false;
	return server->state != MUSTER_SERVER_FREE && server->service == entry->flow.service &&
	       server->generation == entry->flow.generation && !flow_entry_over(kernel, entry, now, 0);
}

static void release(struct kernel *kernel, const struct flow_entry *entry)
{
	const struct muster_flow *flow = &entry->flow;
	bool mark = entry->tag & MUSTER_MARK, held = !(entry->tag & MUSTER_PAIR);

	if (flow->server >= MUSTER_MAX_SERVERS)
		return;
	if (flow->dir == MUSTER_TO_SERVER && mark)
		__atomic_sub_fetch(&kernel->live[flow->server], 1, __ATOMIC_SEQ_CST);
	if (flow->dir == MUSTER_TO_CLIENT && flow->mode == MUSTER_MODE_FULLNAT && held &&
	    kernel->ports[flow->server].line)
		port_ring_end(kernel->ports[flow->server].line, flow->source, be16toh(flow->nat_port),
			      muster_tag_state(entry->tag) == MUSTER_FLOW_CLOSING, mark);
}

bool flow_entry_free(struct kernel *kernel, const struct flow_entry *entry)
{
	__u64 *tag = &bucket_of(kernel, entry->ref)->tag[MUSTER_REF_WAY(entry->ref)], seen = entry->tag;
	__u64 fresh = ((seen + MUSTER_VERSION_ONE) & MUSTER_VERSION_MASK) | (seen & MUSTER_SPILL);

	if (!__atomic_compare_exchange_n(tag, &seen, fresh, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	release(kernel, entry);
	return true;
}

bool flow_free(struct kernel *kernel, const struct flow_entry *entry)
{
	struct flow_entry twin;
	bool both = flow_entry_twin(kernel, entry, &twin);

	if (!flow_entry_free(kernel, entry))
		return false;
	if (both)
		flow_entry_free(kernel, &twin);
	return true;
}

bool flow_cursor_next(const struct kernel *kernel, struct flow_cursor *cursor, uint32_t *ref)
{
	for (; cursor->step < 3; cursor->step++, cursor->bucket = 0) {
		const uint32_t order[] = {MUSTER_TABLE_HALF_OPEN, flow_tables_older(kernel),
					  flow_tables_in_force(kernel)};
		uint32_t table = order[cursor->step];

		if (cursor->bucket >= kernel->tables.at[table].buckets)
			continue;
		*ref = MUSTER_REF(table, cursor->bucket++, 0);
		return true;
	}
	return false;
}
