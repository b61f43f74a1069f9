// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Packets that the kernel drops after the program redirected them, counted by bpf/failures.h from the kernel's tracepoints.
 * Attached as long as the agent lives: the links are fds, so that the next agent finds none and counts nothing twice.
 */
#include "inside.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdio.h>

#include "../log.h"
#include "egress.h"
#include "offsets.h"

/* The program's name, the tracepoint's type in the kernel's BTF, and how many parameters it has to have. */
static const struct {
	const char *program, *type;
	uint16_t parameters;
} points[] = {
	{"muster_redirect_err", "btf_trace_xdp_redirect_err", 8},
	{"muster_exception", "btf_trace_xdp_exception", 4},
	{"muster_devmap_xmit", "btf_trace_xdp_devmap_xmit", 6},
};

struct failures {
	struct bpf_object *object;
	struct bpf_link *link[ARRAY_SIZE(points)];
	int map; /* muster_failures; the object's */
};

static void free_failures(struct failures **failures)
{
	if (!*failures)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(points); i++)
		bpf_link__destroy((*failures)->link[i]);
	bpf_object__close((*failures)->object);
	free(*failures);
	*failures = NULL;
}

static int find_offsets(struct muster_offsets *out, char *why, size_t n)
{
	_cleanup_(offsets_btf_free) struct btf *btf = btf__load_vmlinux_btf();
	int r;

	if (!btf) {
		r = -errno;
		/* ESRCH is libbpf's word for a kernel that has none. */
		snprintf(why, n, "reading the kernel's types (BTF): %s; the kernel needs CONFIG_DEBUG_INFO_BTF",
			 r == -ESRCH ? "there are none" : strerror(-r));
		return r;
	}
	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		r = offsets_check_tracepoint(btf, points[i].type, points[i].parameters, why, n);
		if (r < 0)
			return r;
	}
	return offsets_find(btf, out, why, n);
}

/* Opens the object so that only these programs, and the maps that they use, will be loaded. */
static int open_object(struct kernel *kernel, struct failures *failures, char *why, size_t n)
{
	struct bpf_program *program;
	struct bpf_map *map;
	int r = 0;

	failures->object = bpf_object__open_file(kernel->object, NULL);
	if (!failures->object) {
		r = -errno;
		snprintf(why, n, "reading the BPF object %s: %s", kernel->object, strerror(-r));
		return r;
	}
	bpf_object__for_each_program(program, failures->object) bpf_program__set_autoload(program, false);
	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		program = bpf_object__find_program_by_name(failures->object, points[i].program);
		if (!program) {
			snprintf(why, n, "%s has no program %s: it is of an older version", kernel->object,
				 points[i].program);
			return -ENOEXEC;
		}
		bpf_program__set_autoload(program, true);
	}
	bpf_object__for_each_map(map, failures->object)
	{
		const char *name = bpf_map__name(map);

		/* Nothing is pinned from here. */
		if (r == 0)
			r = bpf_map__set_pin_path(map, NULL);
		if (r == 0 && strcmp(name, "muster_verdicts") == 0)
			r = bpf_map__reuse_fd(map, kernel->maps.fd[MAP_VERDICTS]);
		else if (r == 0 && strcmp(name, "muster_offsets") != 0 && strcmp(name, "muster_failures") != 0)
			r = bpf_map__set_autocreate(map, false);
	}
	if (r < 0)
		snprintf(why, n, "preparing the maps of %s: %s", kernel->object, strerror(-r));
	return r;
}

static int load_and_attach(struct failures *failures, const struct muster_offsets *offsets, char *why, size_t n)
{
	uint32_t zero = 0;
	int r = bpf_object__load(failures->object), map;

	if (r < 0) {
		snprintf(why, n,
			 "loading the programs for the kernel's tracepoints: %s; CAP_BPF and CAP_PERFMON are "
			 "needed, and a kernel that is not locked down for confidentiality",
			 strerror(-r));
		return r;
	}
	map = bpf_object__find_map_fd_by_name(failures->object, "muster_offsets");
	if (bpf_map_update_elem(map, &zero, offsets, BPF_ANY) < 0) {
		r = -errno;
		snprintf(why, n, "telling the programs the kernel's offsets: %s", strerror(-r));
		return r;
	}
	failures->map = bpf_object__find_map_fd_by_name(failures->object, "muster_failures");
	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		failures->link[i] =
			bpf_program__attach(bpf_object__find_program_by_name(failures->object, points[i].program));
		if (!failures->link[i]) {
			r = -errno;
			snprintf(why, n, "attaching %s: %s", points[i].program, strerror(-r));
			return r;
		}
	}
	return 0;
}

void kernel_count_failures(struct kernel *kernel)
{
	_cleanup_(free_failures) struct failures *failures = calloc(1, sizeof(*failures));
	struct muster_offsets offsets = {0};
	char why[256] = "out of memory";
	int r = failures ? find_offsets(&offsets, why, sizeof(why)) : -ENOMEM;

	if (r == 0)
		r = open_object(kernel, failures, why, sizeof(why));
	if (r == 0)
		r = load_and_attach(failures, &offsets, why, sizeof(why));
	if (r == 0)
		kernel->failures = TAKE_PTR(failures);
	else
		log_warning("egress failures are not counted: %s; packets are balanced all the same", why);
}

void failures_close(struct kernel *kernel)
{
	free_failures(&kernel->failures);
}

static void describe(const struct muster_failure_key *key, const struct muster_failure *value,
		     struct kernel_failure *out)
{
	*out = (struct kernel_failure){
		.ifindex = key->ifindex,
		.error = key->error,
		.packets = value->packets,
		.last_ms = (int64_t)(value->last_ns / 1000000),
	};
	if (if_indextoname(key->ifindex, out->ifname))
		out->veth = egress_is_veth(out->ifname);
}

/* Keeps the list sorted, the latest first; the oldest falls off its end. */
static size_t insert(struct kernel_failure *list, size_t n, const struct kernel_failure *new)
{
	size_t at = n;

	while (at > 0 && list[at - 1].last_ms < new->last_ms)
		at--;
	if (at == KERNEL_FAILURES)
		return n;
	if (n == KERNEL_FAILURES)
		n--;
	memmove(&list[at + 1], &list[at], (n - at) * sizeof(*list));
	list[at] = *new;
	return n + 1;
}

size_t failures_read(struct kernel *kernel, struct kernel_failure out[KERNEL_FAILURES])
{
	struct muster_failure_key key, *last = NULL;
	struct muster_failure value;
	size_t n = 0;

	if (!kernel->failures)
		return 0;
	for (int i = 0; i < MUSTER_MAX_FAILURES; i++) {
		struct kernel_failure failure;

		if (bpf_map_get_next_key(kernel->failures->map, last, &key) < 0)
			break;
		last = &key;
		if (bpf_map_lookup_elem(kernel->failures->map, &key, &value) < 0)
			continue;
		describe(&key, &value, &failure);
		n = insert(out, n, &failure);
	}
	return n;
}
