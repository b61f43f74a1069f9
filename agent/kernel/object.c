// SPDX-License-Identifier: GPL-2.0-or-later
#include "object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <muster/trace.h>
#include <stdarg.h>
#include <stdio.h>

#include "../fnv.h"
#include "../log.h"

/* libbpf tells the kernel's own explanation of a refused netlink request only through its log. */
static __thread char reason[192];

static int on_libbpf_line(enum libbpf_print_level level, const char *format, va_list ap)
{
	static const char marker[] = "Kernel error message: ";
	char line[1024];
	const char *found;

	(void)level;
	vsnprintf(line, sizeof(line), format, ap);
	line[strcspn(line, "\n")] = '\0';
	found = strstr(line, marker);
	if (found)
		snprintf(reason, sizeof(reason), "%s", found + strlen(marker));
	log_debug("%s", line);
	return 0;
}

void object_quiet(void)
{
	libbpf_set_print(on_libbpf_line);
}

void object_forget_reason(void)
{
	reason[0] = '\0';
}

const char *object_reason(void)
{
	return reason;
}

static void close_object(struct bpf_object **object)
{
	bpf_object__close(*object);
	*object = NULL;
}

const char *const object_entry_name[OBJECT_ENTRIES] = {[OBJECT_PLAIN] = "muster", [OBJECT_FRAGS] = "muster_frags"};

void object_program_close(struct object_program *program)
{
	closep(&program->fd);
}

/* Of the object's programs only this one is loaded; what else is in there is for others. */
static struct bpf_program *only(struct bpf_object *object, enum object_entry entry)
{
	struct bpf_program *program, *found = NULL;

	bpf_object__for_each_program(program, object)
	{
		bool ours = strcmp(bpf_program__name(program), object_entry_name[entry]) == 0;

		bpf_program__set_autoload(program, ours);
		if (ours)
			found = program;
	}
	return found;
}

uint64_t object_print(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t print = FNV_START;
	unsigned char bytes[65536];
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, bytes, sizeof(bytes))) > 0)
		print = fnv(print, bytes, (size_t)n);
	return n < 0 ? 0 : print;
}

/* What the object says of itself, and its program will, with the print of what it was loaded from. */
static void settle_about(struct bpf_object *object, const char *path, struct muster_about *out)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, MUSTER_ABOUT);
	size_t size = 0;
	const void *bytes = map ? bpf_map__initial_value(map, &size) : NULL;

	*out = (struct muster_about){0};
	if (!bytes || size < sizeof(*out))
		return;
	memcpy(out, bytes, sizeof(*out));
	out->version[sizeof(out->version) - 1] = '\0';
	out->print = object_print(path);
	if (size != sizeof(*out) || bpf_map__set_initial_value(map, out, sizeof(*out)) < 0)
		out->print = 0;
}

/* -EPROTO: the object was built for another ABI than this program's, or the one that wrote the maps. */
static int check_abi(const char *path, const struct muster_about *about, const struct maps *maps, char *why, size_t n)
{
	struct muster_config config = {0};
	uint32_t zero = 0, wanted = MUSTER_ABI;

	if (maps && bpf_map_lookup_elem(maps->fd[MAP_CONFIG], &zero, &config) == 0 && config.abi)
		wanted = config.abi;
	if (!about->abi || (about->abi == MUSTER_ABI && about->abi == wanted))
		return 0;
	snprintf(why, n,
		 "%s (version %s) is of ABI %u, %s of ABI %u: run the muster and musterd that belong to it, after "
		 "`muster detach DEV` and with the old maps removed",
		 path, about->version, about->abi, about->abi == wanted ? "this muster" : "the maps in use are",
		 about->abi == wanted ? MUSTER_ABI : wanted);
	return -EPROTO;
}

/* The program would read and write beyond values of another size: what differs is said before it is loaded. */
static int check_shapes(const char *path, struct bpf_object *object, const struct maps *maps, char *why, size_t n)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		struct bpf_map_info info = {0};
		__u32 length = sizeof(info);
		int i = maps_by_name(bpf_map__name(map));

		if (i < 0 || maps->fd[i] < 0 || bpf_obj_get_info_by_fd(maps->fd[i], &info, &length) < 0)
			continue;
		if (bpf_map__type(map) == info.type && bpf_map__key_size(map) == info.key_size &&
		    bpf_map__value_size(map) == info.value_size)
			continue;
		snprintf(why, n,
			 "%s is not for the maps in use: its %s is of type %u with key %u, value %u bytes, theirs of "
			 "type %u with key %u, value %u bytes",
			 path, info.name, bpf_map__type(map), bpf_map__key_size(map), bpf_map__value_size(map),
			 info.type, info.key_size, info.value_size);
		return -EPROTO;
	}
	return 0;
}

/* A pin may be gone, or be another map by now: the program must share what this process writes. */
static int use_open_maps(struct bpf_object *object, const struct maps *maps)
{
	struct bpf_map *map;
	int r = 0;

	bpf_object__for_each_map(map, object)
	{
		int i = maps_by_name(bpf_map__name(map));

		if (r < 0 || i < 0 || maps->fd[i] < 0)
			continue;
		r = bpf_map__set_pin_path(map, NULL);
		if (r == 0)
			r = bpf_map__reuse_fd(map, maps->fd[i]);
	}
	return r;
}

static int open_object(struct bpf_object **out, const char *path, const char *pins, char *why, size_t n)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = pins);

	object_quiet();
	*out = bpf_object__open_file(path, &opts);
	if (*out)
		return 0;
	int r = -errno;

	snprintf(why, n, "reading the BPF object %s: %s; build it with `make`, or name it in `object`", path,
		 strerror(-r));
	return r;
}

/* The checks that cost nothing, then the maps. */
static int prepare(struct bpf_object *object, const char *path, const struct maps *maps,
		   const struct muster_about *about, char *why, size_t n)
{
	int r = check_abi(path, about, maps, why, n);

	if (r == 0 && maps)
		r = check_shapes(path, object, maps, why, n);
	if (r < 0 || !maps)
		return r;
	r = use_open_maps(object, maps);
	if (r < 0)
		snprintf(why, n, "using the open maps for %s: %s", path, strerror(-r));
	return r;
}

/* The program then only says what it would do. */
static int set_dry_run(struct bpf_object *object)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, MUSTER_DRY_RUN);
	const bool yes = true;

	return map ? bpf_map__set_initial_value(map, &yes, sizeof(yes)) : -ENOENT;
}

static int keep_fd(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return copy < 0 ? -errno : copy;
}

/* `trace_fd` NULL: to do its work; else only to be asked. */
static int load(const char *path, const char *pins, const struct maps *maps, enum object_entry entry,
		struct object_program *out, int *trace_fd, char *why, size_t n)
{
	_cleanup_(close_object) struct bpf_object *object = NULL;
	struct bpf_program *program;
	int r = open_object(&object, path, pins, why, n);

	if (r < 0)
		return r;
	program = only(object, entry);
	if (!program || (trace_fd && set_dry_run(object) < 0)) {
		snprintf(why, n, "%s has no %s %s: it is not Muster's object, or an older one", path,
			 program ? "switch" : "program", program ? MUSTER_DRY_RUN : object_entry_name[entry]);
		return -ENOENT;
	}
	settle_about(object, path, &out->about);
	out->entry = entry;
	r = prepare(object, path, maps, &out->about, why, n);
	if (r < 0)
		return r;
	r = bpf_object__load(object);
	if (r < 0) {
		snprintf(why, n,
			 "loading %s over the maps in %s: %s; the kernel must be 6.1 or later, the caller root, and "
			 "pinned maps of an older layout are in the way until they are removed",
			 path, pins, strerror(-r));
		return r;
	}
	if (trace_fd) {
		*trace_fd = keep_fd(bpf_object__find_map_fd_by_name(object, "muster_trace"));
		if (*trace_fd < 0)
			return *trace_fd;
	}
	out->fd = keep_fd(bpf_program__fd(program));
	return out->fd < 0 ? out->fd : 0;
}

int object_load(const char *path, const char *pins, const struct maps *maps, enum object_entry entry,
		struct object_program *out, char *why, size_t n)
{
	return load(path, pins, maps, entry, out, NULL, why, n);
}

int object_load_dry(const char *path, const char *pins, const struct maps *maps, struct object_program *out,
		    int *trace_fd, char *why, size_t n)
{
	return load(path, pins, maps, OBJECT_PLAIN, out, trace_fd, why, n);
}
