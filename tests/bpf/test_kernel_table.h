/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flow table and the source ports as the program sees them: their memory, and flows entered into it by hand. */
#ifndef TEST_KERNEL_TABLE_H
#define TEST_KERNEL_TABLE_H

#include <muster/flow.h>
#include <muster/ports.h>
#include <sys/mman.h>

#include "test_kernel_world.h"

#define FLOWS 1024 /* of the small table that these tests ask for */

static inline uint32_t hz(void)
{
	struct timespec resolution;

	clock_getres(CLOCK_MONOTONIC_COARSE, &resolution);
	return (uint32_t)(1000000000L / resolution.tv_nsec);
}

/* The kernel's beat now, from a hop that has just been stamped. */
static inline uint32_t beat_now(struct world *w)
{
	assert_true(loop_until(w, 4000, read_server(0).hop.ifindex != 0));
	return read_server(0).hop.refreshed >> MUSTER_BEAT_SHIFT;
}

static inline uint32_t beats(uint32_t s)
{
	return s * hz() >> MUSTER_BEAT_SHIFT;
}

/* The id of the inner map at an index of `outer`; 0: none. */
static inline uint32_t inner_id(const char *outer, uint32_t index)
{
	int fd = pinned(outer);
	uint32_t id = 0;

	if (bpf_map_lookup_elem(fd, &index, &id) < 0)
		id = 0;
	close(fd);
	return id;
}

/* The memory of an inner map, for the rest of the process's life, and how many elements it has. */
static inline void *inner_memory(const char *outer, uint32_t index, uint32_t *n)
{
	int fd = bpf_map_get_fd_by_id(inner_id(outer, index));
	struct bpf_map_info info = {0};
	__u32 length = sizeof(info);

	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &length), 0);
	void *memory =
		mmap(NULL, (size_t)info.max_entries * info.value_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(memory != MAP_FAILED);
	close(fd);
	if (n)
		*n = info.max_entries;
	return memory;
}

static inline struct muster_bucket *table_at(uint32_t position)
{
	return inner_memory("muster_flows", position, NULL);
}

static inline struct muster_config read_config(void)
{
	struct muster_config config;
	uint32_t zero = 0;
	int fd = pinned("muster_config");

	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &config), 0);
	close(fd);
	return config;
}

static inline uint64_t tag_of(uint32_t state, uint32_t seen, uint64_t bits)
{
	return 0xabcdefULL << MUSTER_HASH_SHIFT | 5 * MUSTER_VERSION_ONE | bits |
	       (uint64_t)state << MUSTER_STATE_SHIFT | (seen & MUSTER_SEEN_MASK);
}

/* Flow number n of 10.99.0.2:n+1 to server 0: its two entries stand beside each other. */
struct pair {
	uint32_t n, state, seen, seen_back;
	uint64_t bits, bits_back; /* of the two tags */
	uint16_t port;            /* nat port */
	struct muster_flow flow;  /* what both have alike, where it is not the default below */
};

static inline uint32_t place_of(uint32_t position, uint32_t n, uint32_t dir)
{
	return MUSTER_REF(position, n / 4, n % 4 * 2 + dir);
}

static inline struct muster_flow flow_of(const struct pair *p)
{
	struct muster_flow flow = p->flow;

	flow.client = addr("10.99.0.2");
	flow.client_port = htons((uint16_t)(p->n + 1));
	flow.vip_port = htons(80);
	flow.server_port = htons(8080);
	flow.nat_port = htons(p->port);
	flow.generation = flow.generation ? flow.generation : 1;
	return flow;
}

static inline void enter_one(struct muster_bucket *table, uint32_t position, const struct pair *p, uint32_t dir)
{
	uint32_t ref = place_of(position, p->n, dir);
	struct muster_bucket *bucket = &table[MUSTER_REF_BUCKET(ref)];
	struct muster_flow flow = flow_of(p);

	flow.dir = dir;
	flow.twin = place_of(position, p->n, !dir);
	bucket->flow[MUSTER_REF_WAY(ref)] = flow;
	__atomic_store_n(&bucket->tag[MUSTER_REF_WAY(ref)],
			 dir ? tag_of(p->state, p->seen_back, p->bits_back) : tag_of(p->state, p->seen, p->bits),
			 __ATOMIC_SEQ_CST);
}

static inline void enter_pair(struct muster_bucket *table, uint32_t position, const struct pair *p)
{
	enter_one(table, position, p, MUSTER_TO_CLIENT);
	enter_one(table, position, p, MUSTER_TO_SERVER);
}

static inline uint64_t tag_at(const struct muster_bucket *table, uint32_t n, uint32_t dir)
{
	uint32_t ref = place_of(0, n, dir);

	return __atomic_load_n(&table[MUSTER_REF_BUCKET(ref)].tag[MUSTER_REF_WAY(ref)], __ATOMIC_SEQ_CST);
}

/* How many of a flow's two entries stand. */
static inline int entries_of(const struct muster_bucket *table, uint32_t n)
{
	return (muster_tag_state(tag_at(table, n, 0)) != MUSTER_FLOW_FREE) +
	       (muster_tag_state(tag_at(table, n, 1)) != MUSTER_FLOW_FREE);
}

static inline uint64_t read_live(uint32_t server)
{
	uint64_t live;
	int fd = pinned("muster_live");

	assert_int_equal(bpf_map_lookup_elem(fd, &server, &live), 0);
	close(fd);
	return live;
}

static inline struct kernel_ports ports_of(struct world *w, uint32_t server)
{
	struct kernel_counters *counters = calloc(1, sizeof(*counters));
	struct kernel_ports ports;

	assert_int_equal(kernel_counters(w->kernel, counters), 0);
	ports = counters->ports[server];
	free(counters);
	return ports;
}

/* Two servers in fullnat, a small table, all in place. */
static inline void open_small(struct world *w)
{
	must_open(w);
	plan_of_two(w)->flows = FLOWS;
	sync_now(w);
	assert_true(loop_until(w, 4000, read_server(0).sources == 1 && read_server(1).sources == 1));
	sync_now(w);
}

#endif
