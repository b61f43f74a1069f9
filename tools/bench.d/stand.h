/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A stand's namespaces, and the programs that are on its interfaces. */
#ifndef BENCH_STAND_H
#define BENCH_STAND_H

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "packets.h"

#define MAPS_MOST   8
#define CLIENT_DEV  "eth0"
#define SERVERS_DEV "eth0"

static const char *stand_net; /* folder of the namespaces client, lb, servers */

/* A sink, as it stands on an interface. */
struct sink {
	int seen, answers; /* fds of maps */
};

static inline void die(const char *doing, const char *what, int error)
{
	fprintf(stderr, "packets: %s %s: %s\n", doing, what, strerror(error < 0 ? -error : error));
	exit(1);
}

/* An object with one of its programs loaded. */
static inline struct bpf_object *object_load(const char *path, const char *only)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	int error;

	if (!object)
		die("cannot open", path, errno);
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, strcmp(bpf_program__name(program), only) == 0);
	error = bpf_object__load(object);
	if (error)
		die("the kernel refuses", path, error);
	return object;
}

static inline unsigned device(const char *name)
{
	unsigned ifindex = if_nametoindex(name);

	if (!ifindex)
		die("no interface", name, errno);
	return ifindex;
}

static inline void enter(const char *host)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", stand_net, host);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die("cannot enter the namespace", path, errno);
	close(fd);
}

/* The program natively on a host's interface; -1: none. */
static inline int program_on(const char *host, const char *dev)
{
	uint32_t id = 0;
	int error, fd;

	enter(host);
	error = bpf_xdp_query_id(device(dev), XDP_FLAGS_DRV_MODE, &id);
	if (error)
		die("cannot ask for the program on", dev, error);
	if (!id)
		return -1;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		die("cannot open the program on", dev, fd);
	return fd;
}

static inline struct sink sink_on(const char *host, const char *dev)
{
	struct sink sink = {-1, -1};
	uint32_t maps[MAPS_MOST];
	struct bpf_prog_info info = {.map_ids = (uintptr_t)maps, .nr_map_ids = MAPS_MOST};
	uint32_t size = sizeof(info);
	int program = program_on(host, dev);

	if (program < 0 || bpf_obj_get_info_by_fd(program, &info, &size))
		die("no sink on the interface of", host, program < 0 ? ENOENT : errno);
	close(program);
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_MOST; i++) {
		int fd = bpf_map_get_fd_by_id(maps[i]);
		struct bpf_map_info map = {};

		size = sizeof(map);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &map, &size))
			die("cannot open a map of the sink of", host, errno);
		if (!strcmp(map.name, "seen"))
			sink.seen = fd;
		else if (!strcmp(map.name, "answers"))
			sink.answers = fd;
		else
			close(fd);
	}
	return sink;
}

static inline struct bench_seen sink_read(const struct sink *sink)
{
	int cpus = libbpf_num_possible_cpus();
	struct bench_seen values[cpus], sum = {};
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(sink->seen, &zero, values))
		die("cannot read", "what the sink saw", errno);
	for (int i = 0; i < cpus; i++) {
		sum.dropped += values[i].dropped;
		sum.answered += values[i].answered;
	}
	return sum;
}

static inline void sink_answers(const struct sink *sink, uint32_t answers)
{
	uint32_t zero = 0;

	if (bpf_map_update_elem(sink->answers, &zero, &answers, BPF_ANY))
		die("cannot tell the sink", "whether to answer", errno);
}

static inline struct bpf_prog_info program_read(int program)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	if (program >= 0 && bpf_obj_get_info_by_fd(program, &info, &size))
		die("cannot read", "the program's statistics", errno);
	return info;
}

#endif
