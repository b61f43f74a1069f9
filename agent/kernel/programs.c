// SPDX-License-Identifier: GPL-2.0-or-later
#include "programs.h"

#include <bpf/bpf.h>

#define MAPS_OF_A_PROGRAM 64

void programs_clear(struct programs *programs)
{
	for (size_t i = 0; i < programs->n; i++)
		closep(&programs->list[i].fd);
	free(programs->list);
	*programs = (struct programs){0};
}

static void read_map_names(const uint32_t *ids, uint32_t n, uint32_t map_id[MAP_N])
{
	for (uint32_t i = 0; i < n; i++) {
		_cleanup_(closep) int fd = bpf_map_get_fd_by_id(ids[i]);
		struct bpf_map_info info = {0};
		__u32 length = sizeof(info);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &length) < 0)
			continue;
		int map = maps_by_name(info.name);
		if (map >= 0)
			map_id[map] = info.id;
	}
}

/* Fills name, tag and maps of the program behind an fd. */
static int inspect(int fd, struct program *out, uint32_t *type)
{
	uint32_t ids[MAPS_OF_A_PROGRAM] = {0};
	struct bpf_prog_info info = {.map_ids = (uintptr_t)ids, .nr_map_ids = MAPS_OF_A_PROGRAM};
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &length) < 0)
		return -errno;
	out->id = info.id;
	memcpy(out->name, info.name, sizeof(out->name));
	memcpy(out->tag, info.tag, sizeof(out->tag));
	*type = info.type;
	read_map_names(ids, MIN(info.nr_map_ids, (uint32_t)MAPS_OF_A_PROGRAM), out->map_id);
	return 0;
}

static enum program_owner owner_of(const struct program *program, const struct maps *maps)
{
	/* Names alone prove little: a program of ours has the two maps that nothing works without. */
	if (!program->map_id[MAP_CONFIG] || !program->map_id[MAP_SERVERS])
		return PROGRAM_FOREIGN;
	return maps && program->map_id[MAP_CONFIG] == maps->id[MAP_CONFIG] &&
			       program->map_id[MAP_SERVERS] == maps->id[MAP_SERVERS]
		       ? PROGRAM_OURS
		       : PROGRAM_OTHER;
}

/*
 * libxdp puts a dispatcher on the interface; the programs that it calls are extensions of it, and the kernel does not
 * say which extension belongs to which dispatcher once they are linked. One of ours is taken for this one's.
 */
static void look_behind_dispatcher(struct program *program, const struct maps *maps)
{
	uint32_t id = 0;

	while (bpf_prog_get_next_id(id, &id) == 0) {
		struct program component = {.fd = -1};
		_cleanup_(closep) int fd = bpf_prog_get_fd_by_id(id);
		uint32_t type;

		if (fd < 0 || inspect(fd, &component, &type) < 0 || type != BPF_PROG_TYPE_EXT)
			continue;
		enum program_owner owner = owner_of(&component, maps);
		if (owner == PROGRAM_FOREIGN)
			continue;
		program->owner = owner;
		program->dispatched = true;
		memcpy(program->map_id, component.map_id, sizeof(program->map_id));
		if (owner == PROGRAM_OURS)
			return;
	}
}

static struct program *append(struct programs *programs)
{
	struct program *list = reallocarray(programs->list, programs->n + 1, sizeof(*list));

	if (!list)
		return NULL;
	programs->list = list;
	list[programs->n] = (struct program){.fd = -1};
	return &list[programs->n++];
}

const struct program *programs_get(struct programs *programs, uint32_t id, const struct maps *maps)
{
	static const struct program hidden = {.fd = -1, .owner = PROGRAM_HIDDEN};
	struct program *program = NULL;
	uint32_t type;

	for (size_t i = 0; i < programs->n; i++)
		if (programs->list[i].id == id)
			program = &programs->list[i];
	if (!program) {
		_cleanup_(closep) int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			return &hidden;
		program = append(programs);
		if (!program)
			return &hidden;
		program->fd = TAKE_FD(fd);
		program->id = id;
		(void)inspect(program->fd, program, &type);
	}
	program->owner = owner_of(program, maps);
	if (program->owner == PROGRAM_FOREIGN && strcmp(program->name, "xdp_dispatcher") == 0)
		look_behind_dispatcher(program, maps);
	/* What is not ours must not be kept alive by our fd. */
	if (program->owner == PROGRAM_FOREIGN)
		closep(&program->fd);
	return program;
}

void programs_keep(struct programs *programs, bool (*in_use)(void *context, uint32_t id), void *context)
{
	size_t kept = 0;

	for (size_t i = 0; i < programs->n; i++) {
		if (in_use(context, programs->list[i].id))
			programs->list[kept++] = programs->list[i];
		else
			closep(&programs->list[i].fd);
	}
	programs->n = kept;
}

int programs_add(struct programs *programs, int fd, const struct maps *maps, uint32_t *id)
{
	struct program *program = append(programs);
	uint32_t type;

	if (!program)
		return -ENOMEM;
	program->fd = fd;
	if (inspect(fd, program, &type) < 0)
		return -errno;
	/* Its maps cannot be looked at without CAP_SYS_ADMIN; they are ours, it was loaded over them. */
	program->map_id[MAP_CONFIG] = maps->id[MAP_CONFIG];
	program->map_id[MAP_SERVERS] = maps->id[MAP_SERVERS];
	program->owner = PROGRAM_OURS;
	*id = program->id;
	return 0;
}
