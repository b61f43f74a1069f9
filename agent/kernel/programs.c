// SPDX-License-Identifier: GPL-2.0-or-later
#include "programs.h"

#include <bpf/bpf.h>
#include <fcntl.h>

#define MAPS_OF_A_PROGRAM 64

void programs_clear(struct programs *programs)
{
	for (size_t i = 0; i < programs->n; i++)
		closep(&programs->list[i].fd);
	free(programs->list);
	*programs = (struct programs){0};
}

/* Notes a map that is one of ours by its id, for which no fd is needed. */
static bool note_ours(uint32_t id, const struct maps *maps, uint32_t map_id[MAP_N])
{
	for (int i = 0; maps && i < MAP_N; i++) {
		if (maps->id[i] != id)
			continue;
		map_id[i] = id;
		return true;
	}
	return false;
}

static void read_about(int map_fd, struct muster_about *out)
{
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(map_fd, &zero, out) < 0)
		*out = (struct muster_about){0};
	out->version[sizeof(out->version) - 1] = '\0';
}

static void read_maps(const uint32_t *ids, uint32_t n, const struct maps *maps, struct program *out)
{
	for (uint32_t i = 0; i < n; i++) {
		if (note_ours(ids[i], maps, out->map_id))
			continue;
		_cleanup_(closep) int fd = bpf_map_get_fd_by_id(ids[i]);
		struct bpf_map_info info = {0};
		__u32 length = sizeof(info);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &length) < 0)
			continue;
		int map = maps_by_name(info.name);
		if (map >= 0)
			out->map_id[map] = info.id;
		else if (strcmp(info.name, MUSTER_ABOUT) == 0 && info.value_size == sizeof(out->about))
			read_about(fd, &out->about);
	}
}

/* Fills name, tag and maps of the program behind an fd. */
static int inspect(int fd, const struct maps *maps, struct program *out, uint32_t *type)
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
	read_maps(ids, MIN(info.nr_map_ids, (uint32_t)MAPS_OF_A_PROGRAM), maps, out);
	return 0;
}

bool program_is_ours(const struct program *program)
{
	return program->owner == PROGRAM_OURS || program->owner == PROGRAM_PARTLY;
}

const char *program_lacks(const struct program *program, const struct maps *maps)
{
	for (int i = 0; i < MAP_N; i++)
		if (program->map_id[i] != maps->id[i])
			return map_shapes[i].name;
	return NULL;
}

static enum program_owner owner_of(const struct program *program, const struct maps *maps)
{
	/* Names alone prove little: a program of ours has the two maps that nothing works without. */
	if (!program->map_id[MAP_CONFIG] || !program->map_id[MAP_SERVERS])
		return PROGRAM_FOREIGN;
	if (!maps || program->map_id[MAP_CONFIG] != maps->id[MAP_CONFIG] ||
	    program->map_id[MAP_SERVERS] != maps->id[MAP_SERVERS])
		return PROGRAM_OTHER;
	return program_lacks(program, maps) ? PROGRAM_PARTLY : PROGRAM_OURS;
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

		if (fd < 0 || inspect(fd, maps, &component, &type) < 0 || type != BPF_PROG_TYPE_EXT)
			continue;
		enum program_owner owner = owner_of(&component, maps);
		if (owner == PROGRAM_FOREIGN || (owner == PROGRAM_OTHER && program->dispatched))
			continue;
		program->owner = owner;
		program->dispatched = true;
		program->about = component.about;
		memcpy(program->map_id, component.map_id, sizeof(program->map_id));
		if (owner == PROGRAM_OURS)
			return;
	}
}

static struct program *find(const struct programs *programs, uint32_t id)
{
	for (size_t i = 0; i < programs->n; i++)
		if (programs->list[i].id == id)
			return &programs->list[i];
	return NULL;
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
	struct program *program = find(programs, id);
	uint32_t type;

	if (!program) {
		_cleanup_(closep) int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			return &hidden;
		program = append(programs);
		if (!program)
			return &hidden;
		program->fd = TAKE_FD(fd);
		program->id = id;
		(void)inspect(program->fd, maps, program, &type);
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

int programs_known(const struct programs *programs, uint64_t print, enum object_entry entry, struct object_program *out)
{
	for (size_t i = 0; print && i < programs->n; i++) {
		const struct program *program = &programs->list[i];
		int fd;

		if (program->owner != PROGRAM_OURS || program->dispatched || program->about.print != print ||
		    program_entry(program) != entry)
			continue;
		fd = fcntl(program->fd, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return -errno;
		*out = (struct object_program){.fd = fd, .entry = entry, .about = program->about};
		return 0;
	}
	return -ENOENT;
}

int programs_add(struct programs *programs, struct object_program *loaded, const struct maps *maps, uint32_t *id)
{
	_cleanup_(closep) int fd = TAKE_FD(loaded->fd);
	struct program seen = {.fd = -1}, *program;
	uint32_t type;
	int r = inspect(fd, maps, &seen, &type);

	if (r < 0)
		return r;
	program = find(programs, seen.id);
	if (program)
		closep(&program->fd);
	else
		program = append(programs);
	if (!program)
		return -ENOMEM;
	*program = seen;
	program->fd = TAKE_FD(fd);
	program->about = loaded->about; /* maps that are not ours can be read by their ids only with CAP_SYS_ADMIN */
	program->owner = owner_of(program, maps);
	*id = program->id;
	return 0;
}

enum object_entry program_entry(const struct program *program)
{
	return strcmp(program->name, object_entry_name[OBJECT_FRAGS]) == 0 ? OBJECT_FRAGS : OBJECT_PLAIN;
}

bool program_is_same(const struct program *program, const struct object_program *loaded)
{
	struct bpf_prog_info info = {0};
	__u32 length = sizeof(info);

	return program->owner == PROGRAM_OURS && bpf_obj_get_info_by_fd(loaded->fd, &info, &length) == 0 &&
	       memcmp(info.tag, program->tag, sizeof(info.tag)) == 0 &&
	       strcmp(program->about.version, loaded->about.version) == 0;
}
