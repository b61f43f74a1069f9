// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Live flows, counted by walking the flow table in small steps between other work, and listed on demand; those whose
 * time is over are freed on the way. The only file of the agent that knows what kind of map the flow table is.
 */
#include "inside.h"

#include <netinet/in.h>

#include <bpf/bpf.h>

#define CHUNK    4096 /* entries read in one turn of the loop */
#define STEP_MS  2    /* pause between two chunks of a round */
#define ROUND_MS 2000 /* pause between two rounds */
#define FREES    256  /* flows freed in one turn of the loop: about a millisecond */

static uint32_t timeout_of(const struct muster_config *config, const struct muster_tuple *key,
			   const struct muster_flow *flow)
{
	if (key->proto == IPPROTO_UDP && flow->state == MUSTER_FLOW_ESTABLISHED)
		return config->timeout_udp;
	return flow->state < MUSTER_FLOW_STATES_N ? config->timeout[flow->state] : 0;
}

bool flows_live(const struct kernel *kernel, const struct muster_tuple *key, const struct muster_flow *flow,
		uint32_t now)
{
	int32_t age = (int32_t)(now - flow->seen);

	if (flow->dir != MUSTER_TO_SERVER || flow->state == MUSTER_FLOW_CLOSING || flow->server >= MUSTER_MAX_SERVERS)
		return false;
	/* `now` may be older than the packet that came in meanwhile. */
	if (age > 0 && (uint32_t)age >= timeout_of(&kernel->config, key, flow))
		return false;
	const struct muster_server *server = &kernel->servers[flow->server];

	return server->state != MUSTER_SERVER_FREE && flow->generation == server->generation;
}

/* Reads the next chunk; chunk->end when the table is through. Returns how many entries there are, or -errno. */
static int read_chunk(struct kernel *kernel, struct flow_chunk *chunk)
{
	uint32_t count = CHUNK, next = chunk->position;
	int r = bpf_map_lookup_batch(kernel->maps.fd[MAP_FLOWS], chunk->started ? &chunk->position : NULL, &next,
				     chunk->keys, chunk->values, &count, NULL);

	if (r < 0 && errno != ENOENT)
		return -errno;
	chunk->end = r < 0;
	chunk->position = next;
	chunk->started = true;
	return (int)count;
}

static int make_chunk(struct flow_chunk *chunk)
{
	*chunk = (struct flow_chunk){
		.keys = calloc(CHUNK, sizeof(*chunk->keys)),
		.values = calloc(CHUNK, sizeof(*chunk->values)),
	};
	return chunk->keys && chunk->values ? 0 : -ENOMEM;
}

static void free_chunk(struct flow_chunk *chunk)
{
	free(chunk->keys);
	free(chunk->values);
	*chunk = (struct flow_chunk){0};
}

static void reverse(struct muster_tuple *out, const struct muster_tuple *tuple)
{
	*out = (struct muster_tuple){
		.src = tuple->dst,
		.dst = tuple->src,
		.sport = tuple->dport,
		.dport = tuple->sport,
		.proto = tuple->proto,
	};
}

/* A second past its time: no packet that is under way on another CPU still finds it alive. */
static bool is_over(const struct kernel *kernel, const struct muster_tuple *key, const struct muster_flow *flow,
		    uint32_t now)
{
	int64_t timeout = timeout_of(&kernel->config, key, flow);
	int32_t age = (int32_t)(now - flow->seen);

	return timeout && age > timeout + kernel->ticks.per_s;
}

/* Removes an entry that was seen to be over. One that the program has put in its place meanwhile goes back. */
static void free_entry(struct kernel *kernel, const struct muster_tuple *key, uint32_t now)
{
	struct muster_flow taken;

	if (bpf_map_lookup_and_delete_elem(kernel->maps.fd[MAP_FLOWS], key, &taken) == 0 &&
	    !is_over(kernel, key, &taken, now))
		(void)bpf_map_update_elem(kernel->maps.fd[MAP_FLOWS], key, &taken, BPF_NOEXIST);
}

/*
 * Frees a flow whose time is over, both directions together, so that the table fills with what lives: full, it gives up
 * live flows as soon as dead ones. As in the program, a flow is as old as the younger of its directions; an entry at the
 * other direction's key that belongs to another flow (a source port in use again) is none of it. True when freed.
 */
static bool free_flow(struct kernel *kernel, const struct muster_tuple *key, uint32_t now)
{
	struct muster_flow flow, twin;
	struct muster_tuple twin_key, back;
	int fd = kernel->maps.fd[MAP_FLOWS];

	/* The scan's copy may be old by now. */
	if (bpf_map_lookup_elem(fd, key, &flow) < 0 || !is_over(kernel, key, &flow, now))
		return false;
	reverse(&twin_key, &flow.out);
	if (bpf_map_lookup_elem(fd, &twin_key, &twin) == 0) {
		reverse(&back, &twin.out);
		if (memcmp(&back, key, sizeof(back)) == 0) {
			if (!is_over(kernel, &twin_key, &twin, now))
				return false;
			free_entry(kernel, &twin_key, now);
		}
	}
	free_entry(kernel, key, now);
	return true;
}

/* Frees what is over among the entries just read; true when there may be more of it than one turn of the loop allows. */
static bool free_flows(struct kernel *kernel, const struct flow_chunk *chunk, int n, uint32_t now)
{
	unsigned freed = 0;

	for (int i = 0; i < n && freed < FREES; i++)
		if (is_over(kernel, &chunk->keys[i], &chunk->values[i], now))
			freed += free_flow(kernel, &chunk->keys[i], now);
	return freed == FREES;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *context)
{
	struct kernel *kernel = context;
	struct gauge *gauge = &kernel->gauge;
	int n = read_chunk(kernel, &gauge->chunk);
	bool end = n < 0 || gauge->chunk.end, again;
	uint32_t now = ticks_now(&kernel->ticks);

	(void)usec;
	for (int i = 0; i < n; i++)
		if (flows_live(kernel, &gauge->chunk.keys[i], &gauge->chunk.values[i], now))
			gauge->counting[gauge->chunk.values[i].server]++;
	gauge->more = free_flows(kernel, &gauge->chunk, n, now) || gauge->more;
	again = end && gauge->more;
	if (end) {
		if (n >= 0)
			memcpy(gauge->counted, gauge->counting, sizeof(gauge->counted));
		memset(gauge->counting, 0, sizeof(gauge->counting));
		gauge->chunk.started = gauge->more = false;
	}
	(void)sd_event_source_set_time_relative(source, (end && !again ? ROUND_MS : STEP_MS) * 1000);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int flows_open(struct kernel *kernel)
{
	int r = make_chunk(&kernel->gauge.chunk);

	return r < 0 ? r
		     : sd_event_add_time_relative(kernel->event, &kernel->gauge.timer, CLOCK_MONOTONIC, 0, 0, on_timer,
						  kernel);
}

void flows_close(struct kernel *kernel)
{
	kernel->gauge.timer = sd_event_source_disable_unref(kernel->gauge.timer);
	free_chunk(&kernel->gauge.chunk);
}

uint32_t kernel_live_flows(struct kernel *kernel, uint32_t index)
{
	return index < MUSTER_MAX_SERVERS ? kernel->gauge.counted[index] : 0;
}

int kernel_flows_each(struct kernel *kernel, kernel_flow_fn each, void *context)
{
	_cleanup_(free_chunk) struct flow_chunk chunk = {0};
	uint32_t now = ticks_now(&kernel->ticks), hz = MAX(kernel->ticks.per_s, 1u);
	int n = make_chunk(&chunk);

	while (n >= 0 && !chunk.end) {
		n = read_chunk(kernel, &chunk);
		for (int i = 0; i < n; i++) {
			int32_t age = (int32_t)(now - chunk.values[i].seen);

			if (flows_live(kernel, &chunk.keys[i], &chunk.values[i], now) &&
			    !each(context, &chunk.keys[i], &chunk.values[i], age > 0 ? (uint32_t)age / hz : 0))
				return 0;
		}
	}
	return MIN(n, 0);
}
