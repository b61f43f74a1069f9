// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the running kernel's verifier makes of each program of an object: how many instructions it walked to accept it,
 * how many the program has, and the bytes of machine code that became of them.
 *
 *   verifier OBJECT
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define LOG_STATISTICS 4 /* of the kernel's log levels: the last lines alone */

static char text[1 << 16];

static void die(const char *doing, const char *what, int error)
{
	fprintf(stderr, "verifier: %s %s: %s\n", doing, what, strerror(error < 0 ? -error : error));
	exit(1);
}

static struct bpf_object *object_open(const char *path)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .kernel_log_buf = text, .kernel_log_size = sizeof(text),
		    .kernel_log_level = LOG_STATISTICS);
	struct bpf_object *object = bpf_object__open_file(path, &opts);

	if (!object)
		die("cannot open", path, errno);
	return object;
}

/* The program of that name is loaded alone, over maps that nobody else sees. */
static void program_print(const char *path, const char *name)
{
	struct bpf_object *object = object_open(path);
	struct bpf_prog_info info = {};
	struct bpf_program *program, *wanted = bpf_object__find_program_by_name(object, name);
	uint32_t size = sizeof(info);
	struct bpf_map *map;
	const char *walked;
	int error;

	bpf_object__for_each_program(program, object) bpf_program__set_autoload(program, program == wanted);
	bpf_object__for_each_map(map, object) bpf_map__set_pin_path(map, NULL);
	memset(text, 0, sizeof(text));
	error = bpf_object__load(object);
	if (error)
		die("the kernel refuses", name, error);
	if (bpf_obj_get_info_by_fd(bpf_program__fd(wanted), &info, &size))
		die("cannot read", name, errno);
	walked = strstr(text, "processed ");
	if (!walked)
		die("the kernel says nothing about", name, ENODATA);
	printf("%-20s %-34s %10ld %14u %14u\n", name, bpf_program__section_name(wanted),
	       atol(walked + strlen("processed ")), info.xlated_prog_len / 8, info.jited_prog_len);
	bpf_object__close(object);
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	struct bpf_program *program;

	if (argc != 2) {
		fprintf(stderr, "usage: verifier OBJECT\n");
		return 1;
	}
	object = object_open(argv[1]);
	printf("%-20s %-34s %10s %14s %14s\n", "PROGRAM", "SECTION", "VERIFIED", "INSTRUCTIONS", "MACHINE BYTES");
	bpf_object__for_each_program(program, object) program_print(argv[1], bpf_program__name(program));
	bpf_object__close(object);
	return 0;
}
