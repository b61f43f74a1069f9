/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sorted difference between the addresses in the kernel and those in the plan. Pure. */
#ifndef MUSTER_KERNEL_DIFF_H
#define MUSTER_KERNEL_DIFF_H

#include <muster/maps.h>

#include "../base.h"

struct vip_entry {
	struct muster_vip vip;
	uint32_t service;
};

enum vip_change_kind { VIP_ADD, VIP_CHANGE, VIP_REMOVE };

struct vip_change {
	enum vip_change_kind kind;
	struct vip_entry entry; /* VIP_REMOVE: as it is; else as it shall be */
};

/* Sorts by address, port and protocol, and drops repeated keys (the first stays). Returns how many are left. */
size_t diff_sort(struct vip_entry *entries, size_t n);
/* Both sides sorted; `out` has room for n_have + n_want changes. Returns how many there are. */
size_t diff_vips(const struct vip_entry *have, size_t n_have, const struct vip_entry *want, size_t n_want,
		 struct vip_change *out);

#endif
