/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * After finish(): a redirect is only a wish, and the kernel may drop the packet without a word to the program. It says so
 * to these three tracepoints, which the agent attaches; `ip link` loads only section "xdp" ("?": nobody else's load takes
 * them either). They see every XDP program of the host: ours is the one that uses this very muster_verdicts map, whoever
 * attached it, and whenever. What they count was counted by the program before as forwarded.
 *
 * tracepoint         tells                                                              in mode
 * xdp_redirect_err   the interface is down or gone, has no way to take XDP frames       native, generic
 *                    (a veth whose peer has neither GRO nor a program, since 6.3), or
 *                    its MTU is smaller than the packet
 * xdp_devmap_xmit    the driver took fewer packets than it was given: its ring is full, native
 *                    or (before 6.3) such a veth
 * xdp_exception      the transmit queue is stopped; by the kernel's name an XDP_TX      generic
 */
#ifndef MUSTER_BPF_FAILURES_H
#define MUSTER_BPF_FAILURES_H

#include <stdbool.h>

#include "maps.h"

/* Of the kernel's structures only what is read here; libbpf finds the offsets in the running kernel's BTF. */
#define KERNEL_TYPE __attribute__((preserve_access_index))

struct bpf_map;

struct bpf_prog_aux {
	__u32 used_map_cnt;
	struct bpf_map **used_maps;
} KERNEL_TYPE;

struct bpf_prog {
	struct bpf_prog_aux *aux;
} KERNEL_TYPE;

struct bpf_link {
	struct bpf_prog *prog;
} KERNEL_TYPE;

struct bpf_xdp_link {
	struct bpf_link link;
} KERNEL_TYPE;

struct bpf_xdp_entity {
	struct bpf_prog *prog;
	struct bpf_xdp_link *link;
} KERNEL_TYPE;

enum { XDP_MODE_SKB, XDP_MODE_DRV, XDP_MODE_HW, XDP_MODES_N };

struct net_device {
	int ifindex;
	struct bpf_xdp_entity xdp_state[XDP_MODES_N];
} KERNEL_TYPE;

#define MAPS_OF_OURS 32 /* the program uses fewer */

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MUSTER_MAX_FAILURES);
	__type(key, struct muster_failure_key);
	__type(value, struct muster_failure);
} muster_failures SEC(".maps");

static __always_inline bool ours(const struct bpf_prog *program)
{
	struct bpf_map **maps = program->aux->used_maps;
	__u32 n = program->aux->used_map_cnt;

	for (__u32 i = 0; i < MAPS_OF_OURS && i < n; i++) {
		void *map = NULL;

		/* A pointer to a pointer is only a number to the verifier. */
		if (bpf_probe_read_kernel(&map, sizeof(map), &maps[i]))
			return false;
		if (map == &muster_verdicts)
			return true;
	}
	return false;
}

static __always_inline void count_failed(__u32 ifindex, __s32 error, __u64 packets)
{
	struct muster_failure_key key = {.ifindex = ifindex, .error = error};
	struct muster_failure fresh = {.packets = packets, .last_ns = bpf_ktime_get_boot_ns()}, *known;
	__u32 index = MUSTER_VERDICT_EGRESS_FAILED;
	__u64 *counter = bpf_map_lookup_elem(&muster_verdicts, &index);

	if (counter)
		*counter += packets;
	known = bpf_map_lookup_elem(&muster_failures, &key);
	if (!known && bpf_map_update_elem(&muster_failures, &key, &fresh, BPF_NOEXIST) == 0)
		return;
	if (!known)
		known = bpf_map_lookup_elem(&muster_failures, &key);
	if (!known)
		return;
	__sync_fetch_and_add(&known->packets, packets);
	known->last_ns = fresh.last_ns;
}

/* The tracepoints' parameters, in the kernel's order (include/trace/events/xdp.h); the verifier knows their types. */
struct redirect_err {
	const struct net_device *from;
	const struct bpf_prog *program;
	const void *target;
	__u64 error, map_type, map_id;
	__u64 ifindex;
};

struct exception {
	const struct net_device *to;
	const struct bpf_prog *program;
	__u64 action;
};

struct devmap_xmit {
	const struct net_device *from, *to;
	__u64 sent, drops, error;
};

SEC("?tp_btf/xdp_redirect_err")
int muster_redirect_err(struct redirect_err *at)
{
	if (ours(at->program))
		count_failed(at->ifindex, at->error, 1);
	return 0;
}

/* XDP_REDIRECT is left out: drivers that report a failed redirect here have let the kernel report it above. */
SEC("?tp_btf/xdp_exception")
int muster_exception(struct exception *at)
{
	if ((__u32)at->action == XDP_TX && ours(at->program))
		count_failed(at->to->ifindex, 0, 1);
	return 0;
}

/* The batch does not name its program: it is the one on the interface where its packets came in. */
SEC("?tp_btf/xdp_devmap_xmit")
int muster_devmap_xmit(struct devmap_xmit *at)
{
	const struct bpf_xdp_entity *native;
	__s32 drops = at->drops;

	if (drops <= 0)
		return 0;
	native = &at->from->xdp_state[XDP_MODE_DRV];
	if (ours(native->link ? native->link->link.prog : native->prog))
		count_failed(at->to->ifindex, at->error, drops);
	return 0;
}

#endif
