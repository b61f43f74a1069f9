/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A source of packets: the program that makes each frame, and the call that sends so many of them as real ones. */
#ifndef BENCH_SOURCE_H
#define BENCH_SOURCE_H

#include "stand.h"
#include "template.h"

#define BATCH 64   /* packets that the source hands over at a time; a veth's ring has room for 256 */
#define CALL  4096 /* packets of one system call */

struct source {
	const struct target *to;
	int program, plan; /* fds */
};

static inline struct source source_open(const char *path, const struct target *to)
{
	const char *name = to->family == AF_INET ? "source_v4" : "source_v6";
	struct bpf_object *object = object_load(path, name);

	return (struct source){
		.to = to,
		.program = bpf_program__fd(bpf_object__find_program_by_name(object, name)),
		.plan = bpf_object__find_map_fd_by_name(object, "plan"),
	};
}

/* What it sends next: each packet of one of so many flows; or, where `flows` is 0, of the next one from `first` on. */
static inline void source_aim(const struct source *source, enum kind kind, __u32 flows, __u32 first)
{
	struct bench_plan plan = {.flows = flows, .next = first};
	__u32 zero = 0;

	template_make(&plan, source->to, kind);
	if (bpf_map_update_elem(source->plan, &zero, &plan, BPF_ANY))
		die("cannot write", "the source's plan", errno);
}

/* Sends so many, at most CALL. The client's namespace is the one that this process is in. */
static inline void source_emit(const struct source *source, __u32 packets)
{
	static unsigned char frame[256];
	unsigned bytes = sizeof(struct ethhdr) +
			 (source->to->family == AF_INET ? sizeof(struct bench_v4) : sizeof(struct bench_v6));
	struct xdp_md context = {.data_end = bytes, .ingress_ifindex = device(CLIENT_DEV)};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = bytes, .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = packets, .batch_size = BATCH,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	int error = bpf_prog_test_run_opts(source->program, &opts);

	if (error)
		die("the kernel sends no packets from", CLIENT_DEV, error);
}

#endif
