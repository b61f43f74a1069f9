// SPDX-License-Identifier: GPL-2.0-or-later
#include "object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

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

/* Of the object's programs only the one in section "xdp" is loaded; what else may be in there is for others. */
static struct bpf_program *only_xdp(struct bpf_object *object)
{
	struct bpf_program *program, *found = NULL;

	bpf_object__for_each_program(program, object)
	{
		bool ours = !found && strcmp(bpf_program__section_name(program), "xdp") == 0;

		bpf_program__set_autoload(program, ours);
		if (ours)
			found = program;
	}
	return found;
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

int object_load(const char *path, const char *pins, const struct maps *maps, int *program_fd, char *why, size_t n)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = pins);
	_cleanup_(close_object) struct bpf_object *object = NULL;
	struct bpf_program *program;
	int r;

	object_quiet();
	object = bpf_object__open_file(path, &opts);
	if (!object) {
		r = -errno;
		snprintf(why, n, "reading the BPF object %s: %s; build it with `make`, or name it in `object`", path,
			 strerror(-r));
		return r;
	}
	program = only_xdp(object);
	if (!program) {
		snprintf(why, n, "%s has no program in section \"xdp\": it is not Muster's object", path);
		return -ENOEXEC;
	}
	r = maps ? use_open_maps(object, maps) : 0;
	if (r == 0)
		r = bpf_object__load(object);
	if (r < 0) {
		snprintf(why, n,
			 "loading %s over the maps in %s: %s; the kernel must be 6.1 or later, the caller root, and "
			 "pinned "
			 "maps of an older layout are in the way until they are removed",
			 path, pins, strerror(-r));
		return r;
	}
	*program_fd = fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 3);
	return *program_fd < 0 ? -errno : 0;
}
