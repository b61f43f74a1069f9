// SPDX-License-Identifier: GPL-2.0-or-later
/* The picks of a service are an inner map that is exchanged whole: slots, length and turn change in one step. */
#include "../fnv.h"
#include "inside.h"

#include <bpf/bpf.h>

void tables_init(struct kernel *kernel)
{
	for (int i = 0; i < MUSTER_MAX_SERVICES; i++)
		kernel->picks[i].fd = -1;
	kernel->inner_flags = BPF_F_INNER_MAP;
}

void tables_close(struct kernel *kernel)
{
	for (int i = 0; i < MUSTER_MAX_SERVICES; i++)
		closep(&kernel->picks[i].fd);
}

/* The id of the table in place, 0 when there is none. */
static uint32_t id_in_place(struct kernel *kernel, uint32_t service)
{
	uint32_t id;

	return bpf_map_lookup_elem(kernel->maps.fd[MAP_PICKS], &service, &id) < 0 ? 0 : id;
}

/* Takes an inner map's fd as the table of a service. */
static int take(struct pick_table *table, int fd)
{
	struct bpf_map_info info = {0};
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &length) < 0)
		return -errno;
	closep(&table->fd);
	table->id = info.id;
	table->fd = fd;
	table->entries = info.max_entries;
	return 0;
}

static void written(struct pick_table *table, uint32_t id, const uint32_t *slots, uint32_t n_slots)
{
	table->written_id = id;
	table->written_sum = fnv(FNV_START, slots, n_slots * sizeof(*slots));
}

bool tables_edited(struct kernel *kernel, uint32_t service)
{
	struct pick_table *table = &kernel->picks[service];
	const uint32_t was_id = table->written_id, id = id_in_place(kernel, service);
	const uint64_t was_sum = table->written_sum;
	_cleanup_(freep) uint32_t *slots = NULL;
	uint32_t n_slots;

	if (tables_read(kernel, service, &slots, &n_slots) < 0)
		n_slots = 0;
	written(table, id, slots, n_slots);
	return was_id && (was_id != id || was_sum != table->written_sum);
}

int tables_adopt(struct kernel *kernel)
{
	for (uint32_t i = 0; i < MUSTER_MAX_SERVICES; i++) {
		uint32_t id = id_in_place(kernel, i);
		_cleanup_(closep) int fd = id ? bpf_map_get_fd_by_id(id) : -1;

		if (!id || fd < 0)
			continue;
		int r = take(&kernel->picks[i], fd);
		if (r < 0)
			return r;
		(void)TAKE_FD(fd);
		(void)tables_edited(kernel, i);
	}
	return 0;
}

/* The first `most` elements of the table in place; how many there are, or -errno. */
static int read_elements(struct kernel *kernel, uint32_t service, uint32_t most, uint64_t **out)
{
	struct pick_table *table = &kernel->picks[service];
	_cleanup_(freep) uint64_t *elements = NULL;
	uint32_t id = id_in_place(kernel, service), n;
	int r;

	if (!id)
		return 0;
	if (table->fd < 0 || table->id != id) {
		/* Somebody else put this one in place; after privileges were dropped it stays closed to us. */
		_cleanup_(closep) int fd = bpf_map_get_fd_by_id(id);

		if (fd < 0)
			return -EPERM;
		r = take(table, fd);
		if (r < 0)
			return r;
		(void)TAKE_FD(fd);
	}
	n = MIN(table->entries, most);
	elements = calloc(n, sizeof(*elements));
	if (!elements)
		return -ENOMEM;
	r = maps_read_array(table->fd, elements, n, sizeof(*elements));
	if (r < 0)
		return r;
	*out = TAKE_PTR(elements);
	return (int)n;
}

int tables_read(struct kernel *kernel, uint32_t service, uint32_t **slots, uint32_t *n_slots)
{
	_cleanup_(freep) uint64_t *elements = NULL;
	_cleanup_(freep) uint32_t *found = NULL;
	int n = read_elements(kernel, service, MUSTER_PICKS_SLOT + MUSTER_MAX_SLOTS, &elements);

	*slots = NULL;
	*n_slots = 0;
	if (n < MUSTER_PICKS_SLOT)
		return MIN(n, 0);
	uint32_t count = (uint32_t)MIN(elements[MUSTER_PICKS_LEN], (uint64_t)n - MUSTER_PICKS_SLOT);
	if (!count)
		return 0;
	found = calloc(count, sizeof(*found));
	if (!found)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		found[i] = (uint32_t)elements[MUSTER_PICKS_SLOT + i];
	*slots = TAKE_PTR(found);
	*n_slots = count;
	return 0;
}

bool tables_equal(struct kernel *kernel, uint32_t service, const uint32_t *slots, uint32_t n_slots)
{
	_cleanup_(freep) uint64_t *elements = NULL;
	int n = read_elements(kernel, service, MUSTER_PICKS_SLOT + n_slots, &elements);

	/* A service that exists has a table, if only an empty one. */
	if (n < (int)(MUSTER_PICKS_SLOT + n_slots) || elements[MUSTER_PICKS_LEN] != n_slots)
		return false;
	for (uint32_t i = 0; i < n_slots; i++)
		if (elements[MUSTER_PICKS_SLOT + i] != slots[i])
			return false;
	return true;
}

static int make_table(uint32_t flags, const struct table_change *change)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);
	uint32_t n = MUSTER_PICKS_SLOT + change->n_slots, count = n;
	_cleanup_(freep) uint32_t *keys = calloc(n, sizeof(*keys));
	_cleanup_(freep) uint64_t *values = calloc(n, sizeof(*values));
	_cleanup_(closep) int fd = -1;

	if (!keys || !values)
		return -ENOMEM;
	values[MUSTER_PICKS_LEN] = change->n_slots;
	for (uint32_t i = 0; i < n; i++) {
		keys[i] = i;
		if (i >= MUSTER_PICKS_SLOT)
			values[i] = change->slots[i - MUSTER_PICKS_SLOT];
	}
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "muster_pick", sizeof(uint32_t), sizeof(uint64_t), n, &opts);
	if (fd < 0)
		return -errno;
	if (bpf_map_update_batch(fd, keys, values, &count, NULL) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int put_tables(struct kernel *kernel, const struct table_change *changes, const int *fds, size_t n)
{
	_cleanup_(freep) uint32_t *keys = calloc(n, sizeof(*keys));

	if (!keys)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		keys[i] = changes[i].service;
	return maps_put_inner(kernel->maps.fd[MAP_PICKS], keys, fds, n);
}

static int swap_with(struct kernel *kernel, const struct table_change *changes, size_t n, int *fds)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		fds[i] = make_table(kernel->inner_flags, &changes[i]);
		r = MIN(fds[i], 0);
	}
	return r < 0 ? r : put_tables(kernel, changes, fds, n);
}

int tables_swap(struct kernel *kernel, const struct table_change *changes, size_t n)
{
	/* An inner map must have the flags of the object's template; these are the two that templates have. */
	static const uint32_t flags[] = {BPF_F_INNER_MAP, BPF_F_INNER_MAP | BPF_F_MMAPABLE};
	_cleanup_(freep) int *fds = NULL;
	int r = 0;

	if (n == 0)
		return 0;
	fds = calloc(n, sizeof(*fds));
	if (!fds)
		return -ENOMEM;
	for (size_t attempt = 0; attempt < ARRAY_SIZE(flags); attempt++) {
		for (size_t i = 0; i < n; i++)
			fds[i] = -1;
		r = swap_with(kernel, changes, n, fds);
		if (r != -EINVAL)
			break;
		for (size_t i = 0; i < n; i++)
			closep(&fds[i]);
		kernel->inner_flags = flags[kernel->inner_flags == flags[0]];
	}
	for (size_t i = 0; i < n; i++) {
		struct pick_table *table = &kernel->picks[changes[i].service];

		if (r == 0 && take(table, fds[i]) == 0) {
			written(table, table->id, changes[i].slots, changes[i].n_slots);
			continue;
		}
		closep(&fds[i]);
	}
	return r;
}

int tables_remove(struct kernel *kernel, uint32_t service)
{
	closep(&kernel->picks[service].fd);
	kernel->picks[service].id = kernel->picks[service].written_id = 0;
	return bpf_map_delete_elem(kernel->maps.fd[MAP_PICKS], &service) < 0 && errno != ENOENT ? -errno : 0;
}

int kernel_picks(struct kernel *kernel, uint32_t service, uint32_t **slots, uint32_t *n_slots)
{
	return service >= MUSTER_MAX_SERVICES ? -ERANGE : tables_read(kernel, service, slots, n_slots);
}

uint64_t kernel_turns(struct kernel *kernel, uint32_t service)
{
	uint32_t key = MUSTER_PICKS_TURN;
	uint64_t turns;

	if (service >= MUSTER_MAX_SERVICES || kernel->picks[service].fd < 0 ||
	    bpf_map_lookup_elem(kernel->picks[service].fd, &key, &turns) < 0)
		return 0;
	return turns;
}
