// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The flow table's own maps, shared with the program's memory. Two tables of proven flows take turns: where another size is
 * wanted, the new one is put at the free position, its bucket mask first, and then named as the one in force. The program
 * looks in both, and moves a flow at its next packet; when the scan (flows.c) finds the older one empty, it goes.
 */
#include "inside.h"

#include <bpf/bpf.h>

#include "../log.h"
#include "flow_entry.h"

#define BUCKETS_MOST (1U << 24)

uint32_t flow_buckets(uint32_t flows)
{
	uint64_t entries = (uint64_t)(flows ? flows : MUSTER_FLOWS_DEFAULT) * MUSTER_ENTRIES_A_FLOW;
	uint32_t buckets = 2; /* a mask of 0 says that there is no table */

	while ((uint64_t)buckets * MUSTER_WAYS < entries && buckets < BUCKETS_MOST)
		buckets *= 2;
	return buckets;
}

void flow_tables_init(struct kernel *kernel)
{
	for (int i = 0; i < MUSTER_TABLES_N; i++)
		kernel->tables.at[i].fd = -1;
}

static void drop(struct flow_table *table)
{
	maps_unshare(table->bucket, (size_t)table->buckets * sizeof(*table->bucket));
	closep(&table->fd);
	*table = (struct flow_table){.fd = -1};
}

void flow_tables_close(struct kernel *kernel)
{
	for (int i = 0; i < MUSTER_TABLES_N; i++)
		drop(&kernel->tables.at[i]);
}

/* Takes the fd of a table, which may be of any size that is a power of two. */
static int take(struct flow_table *table, int fd)
{
	struct bpf_map_info info = {0};
	__u32 length = sizeof(info);
	struct muster_bucket *bucket;

	if (bpf_obj_get_info_by_fd(fd, &info, &length) < 0)
		return -errno;
	if (info.value_size != sizeof(*bucket) || info.max_entries < 2 || (info.max_entries & (info.max_entries - 1)))
		return -EPROTO;
	bucket = maps_share(fd, (size_t)info.max_entries * sizeof(*bucket));
	if (!bucket)
		return -errno;
	drop(table);
	*table = (struct flow_table){.id = info.id, .fd = fd, .buckets = info.max_entries, .bucket = bucket};
	return 0;
}

static void set_mask(struct kernel *kernel, uint32_t table, uint32_t mask)
{
	__atomic_store_n(&kernel->shared->bucket_mask[table], mask, __ATOMIC_SEQ_CST);
	kernel->config.bucket_mask[table] = mask;
}

static void set_in_force(struct kernel *kernel, uint32_t table)
{
	__atomic_store_n(&kernel->shared->table, table, __ATOMIC_SEQ_CST);
	kernel->config.table = table;
}

uint32_t flow_tables_in_force(const struct kernel *kernel)
{
	return kernel->config.table == MUSTER_TABLE_B ? MUSTER_TABLE_B : MUSTER_TABLE_A;
}

uint32_t flow_tables_older(const struct kernel *kernel)
{
	return MUSTER_TABLE_A + MUSTER_TABLE_B - flow_tables_in_force(kernel);
}

/* Opens the table at a position, if there is one. */
static int open_table(struct kernel *kernel, uint32_t position)
{
	_cleanup_(closep) int fd = -1;
	uint32_t id;
	int r;

	if (bpf_map_lookup_elem(kernel->maps.fd[MAP_FLOWS], &position, &id) < 0)
		return 0;
	fd = bpf_map_get_fd_by_id(id);
	r = fd < 0 ? -errno : take(&kernel->tables.at[position], fd);
	if (r == 0)
		(void)TAKE_FD(fd);
	return r;
}

int flow_tables_adopt(struct kernel *kernel)
{
	int r = flow_tables_look(kernel);

	/* An agent that died in between has put a mask down, and no table behind it. */
	for (uint32_t i = 0; i <= MUSTER_TABLE_B && r == 0; i++)
		set_mask(kernel, i, kernel->tables.at[i].bucket ? kernel->tables.at[i].buckets - 1 : 0);
	return r;
}

int flow_tables_look(struct kernel *kernel)
{
	int r = 0;

	for (uint32_t i = 0; i <= MUSTER_TABLE_B && r == 0; i++)
		r = open_table(kernel, i);
	return r;
}

/* Makes a table and puts it at a position where none is. */
static int put(struct kernel *kernel, uint32_t position, uint32_t buckets)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	_cleanup_(closep) int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "muster_table", sizeof(uint32_t),
						  sizeof(struct muster_bucket), buckets, &opts);
	int r = fd < 0 ? -errno : take(&kernel->tables.at[position], fd), given = fd;

	if (r < 0)
		return r;
	(void)TAKE_FD(fd);
	set_mask(kernel, position, buckets - 1);
	if (bpf_map_update_elem(kernel->maps.fd[MAP_FLOWS], &position, &given, BPF_ANY) == 0)
		return 0;
	r = -errno;
	set_mask(kernel, position, 0);
	drop(&kernel->tables.at[position]);
	return r;
}

/* The table in force is of another size than is wanted. What cannot be done is said once a size. */
static void resize(struct kernel *kernel, uint32_t flows, uint32_t buckets)
{
	struct flow_tables *tables = &kernel->tables;
	uint32_t older = flow_tables_older(kernel), now = tables->at[flow_tables_in_force(kernel)].buckets;
	bool told = tables->told == buckets;
	int r;

	tables->told = buckets;
	if (tables->at[older].bucket) {
		if (!told)
			log_notice("flow table: %u flows are wanted; the last change of its size is not over yet, %u "
				   "entries still have to move: it follows then",
				   flows, tables->used[older]);
		return;
	}
	r = put(kernel, older, buckets);
	if (r < 0) {
		if (!told)
			log_warning("flow table: making one for %u flows (%zu MiB): %s; it stays as it is", flows,
				    (size_t)buckets * sizeof(struct muster_bucket) >> 20, strerror(-r));
		return;
	}
	set_in_force(kernel, older);
	tables->walked = false;
	tables->told = 0;
	log_notice("flow table: from %u to %u entries; flows move at their next packet", now * MUSTER_WAYS,
		   buckets * MUSTER_WAYS);
}

int flow_tables_want(struct kernel *kernel, uint32_t flows)
{
	struct flow_tables *tables = &kernel->tables;
	uint32_t buckets = flow_buckets(flows), force = flow_tables_in_force(kernel);
	int r = 0;

	if (!tables->at[MUSTER_TABLE_HALF_OPEN].bucket)
		r = put(kernel, MUSTER_TABLE_HALF_OPEN, MUSTER_HALF_OPEN_BUCKETS);
	if (r == 0 && !tables->at[force].bucket) {
		r = put(kernel, force, buckets);
		if (r == 0)
			set_in_force(kernel, force);
	}
	if (r < 0) {
		log_error("flow table: making one for %u flows: %s", flows ? flows : MUSTER_FLOWS_DEFAULT,
			  strerror(-r));
		return r;
	}
	if (tables->at[force].buckets != buckets)
		resize(kernel, flows, buckets);
	return 0;
}

void flow_tables_release(struct kernel *kernel)
{
	uint32_t older = flow_tables_older(kernel);

	set_mask(kernel, older, 0);
	if (bpf_map_delete_elem(kernel->maps.fd[MAP_FLOWS], &older) < 0 && errno != ENOENT)
		log_warning("flow table: taking the older one away: %s", strerror(errno));
	else
		log_notice("flow table: all flows have moved, the older table is gone");
	drop(&kernel->tables.at[older]);
	kernel->tables.used[older] = 0;
}

uint64_t flow_tables_bytes(const struct kernel *kernel)
{
	uint64_t bytes = 0;

	for (int i = 0; i < MUSTER_TABLES_N; i++)
		bytes += kernel->tables.at[i].buckets * (uint64_t)sizeof(struct muster_bucket);
	return bytes;
}
