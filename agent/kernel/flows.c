// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The flow table is walked in small steps between other work, in shared memory, without system calls: live flows are
 * counted, those whose time is over are freed, and what the program counts itself is held against what stands in the table.
 */
#include "inside.h"

#include "../log.h"
#include "flow_entry.h"

#define CHUNK       1024 /* buckets read in one turn of the loop */
#define STEP_MS     2    /* pause between two chunks of a round */
#define LATE_MS     10   /* a pause may last so much longer; left to itself, sd-event makes that 250 */
#define ROUND_MS    2000 /* pause between two rounds */
#define LIVE_ROUNDS 3    /* a count that is wrong by the same number for so long is put right */
#define PORT_ROUNDS 5    /* source ports that are missing for so long are looked for */

static uint32_t beat_now(const struct kernel *kernel)
{
	return ticks_now(&kernel->ticks) >> MUSTER_BEAT_SHIFT;
}

/* A second past its time: no packet that is under way on another CPU still finds the flow alive. */
static uint32_t grace(const struct kernel *kernel)
{
	return (kernel->ticks.per_s >> MUSTER_BEAT_SHIFT) + 1;
}

static void count(struct kernel *kernel, const struct flow_entry *entry, uint32_t now)
{
	struct gauge_count *count = &kernel->gauge.counting[entry->flow.server % MUSTER_MAX_SERVERS];
	bool mark = entry->tag & MUSTER_MARK;

	count->live += flow_entry_live(kernel, entry, now);
	count->marked += entry->flow.dir == MUSTER_TO_SERVER && mark;
	count->ports += entry->flow.dir == MUSTER_TO_CLIENT && entry->flow.mode == MUSTER_MODE_FULLNAT && !mark;
}

static void scan_bucket(struct kernel *kernel, uint32_t first, uint32_t now)
{
	uint32_t table = MUSTER_REF_TABLE(first);
	const struct muster_bucket *bucket = &kernel->tables.at[table].bucket[MUSTER_REF_BUCKET(first)];
	struct flow_entry entry;

	for (uint32_t way = 0; way < MUSTER_WAYS; way++) {
		uint64_t tag = __atomic_load_n(&bucket->tag[way], __ATOMIC_RELAXED);

		if (muster_tag_state(tag) == MUSTER_FLOW_FREE)
			continue;
		if (table != MUSTER_TABLE_HALF_OPEN)
			proven_meet(kernel, tag);
		bool whole = flow_entry_read(kernel, first + way, &entry);
		if (whole && flow_entry_over(kernel, &entry, now, grace(kernel)) && flow_free(kernel, &entry))
			continue;
		kernel->gauge.used[table]++;
		if (whole)
			count(kernel, &entry, now);
	}
}

/* A flow that was counted, and whose end was not (its CPU died in between, or an agent before us), is put right. */
static void correct_live(struct kernel *kernel, uint32_t server)
{
	int64_t by = kernel->gauge.counted[server].marked - (int64_t)kernel->live[server];

	if (!drift_lasts(&kernel->gauge.live_drift[server], by, LIVE_ROUNDS))
		return;
	__atomic_add_fetch(&kernel->live[server], (uint64_t)by, __ATOMIC_SEQ_CST);
	log_debug("live flows of server %u: the program's count was off by %lld", server, (long long)-by);
}

/* A round is through: its counts are the answer until the next one is. */
static void end_round(struct kernel *kernel)
{
	struct gauge *gauge = &kernel->gauge;
	uint32_t older = flow_tables_older(kernel);

	memcpy(gauge->counted, gauge->counting, sizeof(gauge->counted));
	memcpy(kernel->tables.used, gauge->used, sizeof(gauge->used));
	memset(gauge->counting, 0, sizeof(gauge->counting));
	memset(gauge->used, 0, sizeof(gauge->used));
	gauge->cursor = (struct flow_cursor){0};
	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS; i++) {
		correct_live(kernel, i);
		source_ports_audit(kernel, i, gauge->counted[i].ports, PORT_ROUNDS);
	}
	/* Only a round that began after the last change of tables has walked through all of both. */
	if (kernel->tables.walked) {
		proven_end(kernel);
		if (kernel->tables.at[older].bucket && !kernel->tables.used[older])
			flow_tables_release(kernel);
	}
	kernel->tables.walked = true;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *context)
{
	struct kernel *kernel = context;
	uint32_t now = beat_now(kernel), ref = 0;
	bool more = true;

	(void)usec;
	if (!kernel->gauge.cursor.step && !kernel->gauge.cursor.bucket)
		proven_begin(kernel);
	for (int i = 0; i < CHUNK && more; i++) {
		more = flow_cursor_next(kernel, &kernel->gauge.cursor, &ref);
		if (more)
			scan_bucket(kernel, ref, now);
	}
	if (!more)
		end_round(kernel);
	(void)sd_event_source_set_time_relative(source, (more ? STEP_MS : ROUND_MS) * 1000);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

void flows_end_of(struct kernel *kernel, const bool *servers)
{
	struct flow_cursor cursor = {0};
	struct flow_entry entry;
	uint32_t ref;

	while (flow_cursor_next(kernel, &cursor, &ref))
		for (uint32_t way = 0; way < MUSTER_WAYS; way++)
			if (flow_entry_read(kernel, ref + way, &entry) &&
			    servers[entry.flow.server % MUSTER_MAX_SERVERS])
				(void)flow_free(kernel, &entry);
}

int flows_open(struct kernel *kernel)
{
	return sd_event_add_time_relative(kernel->event, &kernel->gauge.timer, CLOCK_MONOTONIC, 0, LATE_MS * 1000,
					  on_timer, kernel);
}

void flows_close(struct kernel *kernel)
{
	kernel->gauge.timer = sd_event_source_disable_unref(kernel->gauge.timer);
}

uint32_t kernel_live_flows(struct kernel *kernel, uint32_t index)
{
	return index < MUSTER_MAX_SERVERS ? kernel->gauge.counted[index].live : 0;
}

/* What stands in the entry and its records, in the words of the two ends. */
static void describe(const struct kernel *kernel, const struct flow_entry *entry, uint32_t now, struct kernel_flow *out)
{
	const struct muster_flow *flow = &entry->flow;
	const struct muster_service *service = &kernel->services[flow->service];
	const struct muster_server *server = &kernel->servers[flow->server];
	bool mapped = flow->mode == MUSTER_MODE_FULLNAT;

	*out = (struct kernel_flow){
		.asked = {.src = flow->client,
			  .dst = service->addr,
			  .sport = flow->client_port,
			  .dport = flow->vip_port,
			  .proto = service->proto},
		.seen = {.src = mapped ? server->source[flow->source % MUSTER_MAX_SOURCES] : flow->client,
			 .dst = server->addr,
			 .sport = flow->nat_port,
			 .dport = flow->server_port,
			 .proto = service->proto},
		.service = flow->service,
		.server = flow->server,
		.state = muster_tag_state(entry->tag),
		.idle_s = (muster_tag_idle(entry->tag, now) << MUSTER_BEAT_SHIFT) / MAX(kernel->ticks.per_s, 1u),
	};
}

int kernel_flows_each(struct kernel *kernel, kernel_flow_fn each, void *context)
{
	uint32_t now = beat_now(kernel), ref;
	struct flow_cursor cursor = {0};
	struct flow_entry entry;
	struct kernel_flow flow;

	while (flow_cursor_next(kernel, &cursor, &ref))
		for (uint32_t way = 0; way < MUSTER_WAYS; way++) {
			if (!flow_entry_read(kernel, ref + way, &entry) || !flow_entry_live(kernel, &entry, now))
				continue;
			describe(kernel, &entry, now, &flow);
			if (!each(context, &flow))
				return 0;
		}
	return 0;
}

void kernel_flow_table(struct kernel *kernel, struct kernel_flow_table *out)
{
	const struct flow_tables *tables = &kernel->tables;
	uint32_t force = flow_tables_in_force(kernel), older = flow_tables_older(kernel);
	uint32_t until = __atomic_load_n(&kernel->flood->until, __ATOMIC_RELAXED);

	*out = (struct kernel_flow_table){
		.entries = tables->at[force].buckets * MUSTER_WAYS,
		.used = tables->used[force],
		.older_entries = tables->at[older].buckets * MUSTER_WAYS,
		.older_used = tables->used[older],
		.half_open_entries = tables->at[MUSTER_TABLE_HALF_OPEN].buckets * MUSTER_WAYS,
		.half_open_used = tables->used[MUSTER_TABLE_HALF_OPEN],
		.memory_bytes = flow_tables_bytes(kernel),
		.half_open_evicted = __atomic_load_n(&kernel->flood->evicted, __ATOMIC_RELAXED),
		.flood = until && (int32_t)(until - ticks_now(&kernel->ticks)) > 0,
	};
}
