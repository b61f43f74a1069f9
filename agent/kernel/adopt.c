// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where the maps come from: what is pinned; else what a program of ours that somebody attached uses, pinned by us
 * from then on; else new ones, made by loading the object. Two sets at once are never guessed about.
 */
#include "inside.h"

#include <bpf/bpf.h>
#include <stdio.h>

#include "../log.h"
#include "object.h"

/* An interface with a Muster program whose maps are not those that are open now; NULL: none. */
static const struct link *find_other(struct kernel *kernel, const struct program **program)
{
	for (size_t i = 0; i < kernel->n_links; i++) {
		const struct link *link = &kernel->links[i];

		if (!link->program_id)
			continue;
		*program = programs_get(&kernel->programs, link->program_id, &kernel->maps);
		if ((*program)->owner == PROGRAM_OTHER)
			return link;
	}
	return NULL;
}

static int refuse_other(struct kernel *kernel, char *why, size_t n)
{
	const struct program *program;
	const struct link *link = find_other(kernel, &program);

	if (!link)
		return 0;
	snprintf(
		why, n,
		"%s carries a Muster program (id %u) over other maps (muster_config id %u) than those pinned in %s (id "
		"%u): name their folder in `pins`, or take it off with `ip link set dev %s %s off` and start again",
		link->name, program->id, program->map_id[MAP_CONFIG], kernel->pins, kernel->maps.id[MAP_CONFIG],
		link->name, link->native ? "xdp" : "xdpgeneric");
	return -EEXIST;
}

/* Opens the maps that a program uses. */
static int take_maps(struct kernel *kernel, const struct link *link, const struct program *program, char *why, size_t n)
{
	uint32_t map_id[MAP_N];
	char from[IF_NAMESIZE + 32];

	memcpy(map_id, program->map_id, sizeof(map_id));
	snprintf(from, sizeof(from), "the program on %s", link->name);
	for (int i = 0; i < MAP_N; i++) {
		_cleanup_(closep) int fd = map_id[i] ? bpf_map_get_fd_by_id(map_id[i]) : -1;
		int r;

		if (fd < 0) {
			snprintf(why, n,
				 "the program on %s uses no map %s, which this musterd (ABI %u) needs: take it off "
				 "with `ip "
				 "link set dev %s %s off`, and start again",
				 link->name, map_shapes[i].name, MUSTER_ABI, link->name,
				 link->native ? "xdp" : "xdpgeneric");
			return -EPROTO;
		}
		r = maps_take(&kernel->maps, i, fd, from, why, n);
		if (r < 0)
			return r;
		(void)TAKE_FD(fd);
	}
	return 0;
}

static int load(struct kernel *kernel, char *why, size_t n)
{
	_cleanup_(closep) int program = -1;

	return object_load(kernel->object, kernel->pins, &program, why, n);
}

/* Nothing is pinned: adopt, or make. */
static int find_unpinned(struct kernel *kernel, char *why, size_t n)
{
	const struct program *program;
	const struct link *link = find_other(kernel, &program);
	int r;

	if (!link) {
		r = load(kernel, why, n);
		return r < 0 ? r : maps_open_pinned(&kernel->maps, kernel->pins, why, n);
	}
	r = take_maps(kernel, link, program, why, n);
	if (r == 0)
		r = refuse_other(kernel, why, n);
	if (r == 0)
		r = maps_pin(&kernel->maps, kernel->pins, why, n);
	if (r == 0)
		log_notice("the maps of the program on %s were pinned nowhere that musterd knows: now in %s",
			   link->name, kernel->pins);
	return r;
}

int adopt_maps(struct kernel *kernel, char *why, size_t n)
{
	int r = maps_open_pinned(&kernel->maps, kernel->pins, why, n);

	if (r == -ENOENT) {
		maps_close(&kernel->maps);
		r = find_unpinned(kernel, why, n);
	} else if (r == -ENODATA) {
		/* An older object had fewer maps: loading the new one over the pins makes those that are missing. */
		maps_close(&kernel->maps);
		r = load(kernel, why, n);
		if (r == 0)
			r = maps_open_pinned(&kernel->maps, kernel->pins, why, n);
	}
	if (r == 0)
		r = maps_check_abi(&kernel->maps, kernel->pins, why, n);
	return r < 0 ? r : refuse_other(kernel, why, n);
}
