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

/* Opens those maps of an attached program that are not open yet. */
static int take_maps(struct kernel *kernel, const struct link *link, const struct program *program, char *why, size_t n)
{
	char from[IF_NAMESIZE + 32];
	unsigned taken = 0;

	snprintf(from, sizeof(from), "the program on %s", link->name);
	for (int i = 0; i < MAP_N; i++) {
		_cleanup_(closep) int fd = -1;
		int r;

		if (kernel->maps.fd[i] >= 0 || !program->map_id[i])
			continue;
		fd = bpf_map_get_fd_by_id(program->map_id[i]);
		r = fd < 0 ? -errno : maps_take(&kernel->maps, i, fd, from, why, n);
		if (r < 0)
			return r;
		(void)TAKE_FD(fd);
		taken++;
	}
	if (taken)
		log_notice("%u maps of %s were pinned nowhere that musterd knows: now in %s", taken, from,
			   kernel->pins);
	return 0;
}

static int load(struct kernel *kernel, char *why, size_t n)
{
	_cleanup_(object_program_close) struct object_program program = {.fd = -1};

	return object_load(kernel->object, kernel->pins, &kernel->maps, OBJECT_PLAIN, &program, why, n);
}

/* Whether the program works on maps that are open: some in common, and none that is another one of the same name. */
static bool shares_maps(const struct kernel *kernel, const struct program *program)
{
	bool some = false;

	for (int i = 0; i < MAP_N; i++) {
		if (kernel->maps.fd[i] < 0 || !program->map_id[i])
			continue;
		if (program->map_id[i] != kernel->maps.id[i])
			return false;
		some = true;
	}
	return some;
}

/*
 * Pins are missing, or there never were any. The maps that an attached program works on are pinned again, so that it goes
 * on with them; those that no program has yet are made by loading the object.
 */
static int complete_maps(struct kernel *kernel, bool none, char *why, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < kernel->n_links && r == 0; i++) {
		const struct link *link = &kernel->links[i];
		const struct program *program =
			link->program_id ? programs_get(&kernel->programs, link->program_id, &kernel->maps) : NULL;

		if (!program || (none ? program->owner != PROGRAM_OTHER : !shares_maps(kernel, program)))
			continue;
		r = take_maps(kernel, link, program, why, n);
		none = false;
	}
	/* Nothing is pinned before it is sure that no other set of maps is in use. */
	if (r == 0)
		r = refuse_other(kernel, why, n);
	if (r == 0)
		r = maps_pin(&kernel->maps, kernel->pins, why, n);
	if (r == 0)
		r = load(kernel, why, n);
	return r < 0 ? r : maps_open_pinned(&kernel->maps, kernel->pins, why, n);
}

int adopt_maps(struct kernel *kernel, char *why, size_t n)
{
	int r = maps_open_pinned(&kernel->maps, kernel->pins, why, n);

	if (r == -ENOENT || r == -ENODATA)
		r = complete_maps(kernel, r == -ENOENT, why, n);
	if (r == 0)
		r = maps_check_abi(&kernel->maps, kernel->pins, why, n);
	return r < 0 ? r : refuse_other(kernel, why, n);
}
