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
 *
 * The kernel's structures are read at offsets that the agent finds, not by CO-RE: one such relocation in the object, and
 * libbpf refuses all of it, `ip link` included, on a kernel without BTF.
 */
#ifndef MUSTER_BPF_FAILURES_H
#define MUSTER_BPF_FAILURES_H

#include <stdbool.h>

#include "maps.h"

#define MAPS_OF_OURS 32 /* the program uses fewer */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct muster_offsets);
} muster_offsets SEC(".maps");

/* Not LRU: before 6.16 the kernel evicts from one as small as this long before it is full. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MUSTER_MAX_FAILURES);
	__type(key, struct muster_failure_key);
	__type(value, struct muster_failure);
} muster_failures SEC(".maps");

static __always_inline const struct muster_offsets *offsets(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&muster_offsets, &zero);
}

/* 0 where nothing can be read: the next step from there reads nothing either. */
static __always_inline __u64 read_pointer(__u64 base, __u32 offset)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)(base + offset));
	return value;
}

static __always_inline __u32 read_number(__u64 base, __u32 offset)
{
	__u32 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)(base + offset));
	return value;
}

static __always_inline bool ours(const struct muster_offsets *at, __u64 program)
{
	__u64 aux = program ? read_pointer(program, at->prog_aux) : 0;
	__u64 maps = aux ? read_pointer(aux, at->aux_used_maps) : 0;
	__u32 n = maps ? read_number(aux, at->aux_used_map_cnt) : 0;

	for (__u32 i = 0; i < MAPS_OF_OURS && i < n; i++)
		if (read_pointer(maps, i * sizeof(__u64)) == (__u64)&muster_verdicts)
			return true;
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
	/* Full: it is counted all the same, and only the interface's name is lost. */
	if (!known && bpf_map_update_elem(&muster_failures, &key, &fresh, BPF_NOEXIST) == 0)
		return;
	if (!known)
		known = bpf_map_lookup_elem(&muster_failures, &key);
	if (!known)
		return;
	__sync_fetch_and_add(&known->packets, packets);
	known->last_ns = fresh.last_ns;
}

/* The tracepoints' parameters, in the kernel's order (include/trace/events/xdp.h). The agent checks how many they are. */
struct redirect_err {
	__u64 from, program, target, error, map_type, map_id, ifindex;
};

struct exception {
	__u64 to, program, action;
};

struct devmap_xmit {
	__u64 from, to, sent, drops, error;
};

SEC("?raw_tp/xdp_redirect_err")
int muster_redirect_err(const struct redirect_err *failure)
{
	const struct muster_offsets *at = offsets();

	if (at && ours(at, failure->program))
		count_failed(failure->ifindex, failure->error, 1);
	return 0;
}

/* XDP_REDIRECT is left out: drivers that report a failed redirect here have let the kernel report it above. */
SEC("?raw_tp/xdp_exception")
int muster_exception(const struct exception *failure)
{
	const struct muster_offsets *at = offsets();

	if (at && (__u32)failure->action == XDP_TX && ours(at, failure->program))
		count_failed(read_number(failure->to, at->dev_ifindex), 0, 1);
	return 0;
}

/* The batch does not name its program: it is the one on the interface where its packets came in. */
SEC("?raw_tp/xdp_devmap_xmit")
int muster_devmap_xmit(const struct devmap_xmit *failure)
{
	const struct muster_offsets *at;
	__s32 drops = failure->drops;
	__u64 program, link;

	/* Each batch passes here, and few drop anything. */
	if (drops <= 0)
		return 0;
	at = offsets();
	if (!at)
		return 0;
	link = read_pointer(failure->from, at->dev_native_link);
	program = link ? read_pointer(link, at->link_prog) : read_pointer(failure->from, at->dev_native_prog);
	if (ours(at, program))
		count_failed(read_number(failure->to, at->dev_ifindex), failure->error, drops);
	return 0;
}

#endif
