/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a driver refused a program, what to do about it, and what happens when it does not: facts in, sentences out. */
#ifndef MUSTER_KERNEL_HINTS_H
#define MUSTER_KERNEL_HINTS_H

#include "../base.h"
#include "facts.h"

/* The most IP bytes that a frame may carry in one page, with two VLAN tags: what a program without fragments can see. */
#define ATTACH_PAGE_MTU 3498

enum refusal {
	REFUSAL_OTHER,
	REFUSAL_MTU, /* a program that takes frames in fragments may go where the plain one does not */
	REFUSAL_LRO,
	REFUSAL_GRO_HW,
	REFUSAL_GUEST_OFFLOADS, /* of virtio_net, which the host alone can turn off */
	REFUSAL_SINGLE_PAGE,    /* of virtio_net, before version 1 */
	REFUSAL_HEADER_SPLIT,
	REFUSAL_QUEUES,
	REFUSAL_PEER_QUEUES, /* of a veth */
	REFUSAL_NOT_COMBINED,
	REFUSAL_PEER_GONE,
	REFUSAL_UPPER, /* what stands on the interface has a program */
	REFUSAL_BOND_MODE,
	REFUSAL_BOND_SLAVE, /* one of the bond's has no native mode, or a program of its own */
	REFUSAL_NO_NATIVE,
	REFUSAL_TAKEN,
	REFUSAL_HELD, /* by a bpf_link */
	REFUSAL_RIGHTS,
	REFUSAL_MEMORY,
};

/* error: -errno of the attach; reason: the kernel's own sentence, or "". */
enum refusal attach_refusal(int error, const char *reason, const struct attach_facts *facts);
/* "cause: what to do", one line into buf, which is returned. */
const char *attach_hint(int error, const char *reason, const struct attach_facts *facts, char *buf, size_t n);
/* Why the program has no business there at all, and where it has; "" when it may be tried. */
const char *attach_misplaced(const struct attach_facts *facts, char *buf, size_t n);
/* What attaching (natively) will do to the link, said before it is done; "" for nothing. drivers.c. */
const char *attach_warning(const struct attach_facts *facts, char *buf, size_t n);
/* What goes wrong later with the interface as it is set; "" for nothing. */
const char *attach_trap(const struct attach_facts *facts, char *buf, size_t n);

#endif
