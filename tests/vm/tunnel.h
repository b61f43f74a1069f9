/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel's own tunnel devices send for a packet: the bytes that Muster's encapsulation is compared with. Needs the
 * modules ipip, sit, ip6_tunnel, fou and fou6, which the guests of tools/vm have.
 */
#ifndef MUSTER_TEST_TUNNEL_H
#define MUSTER_TEST_TUNNEL_H

#include "../bpf/packet.h"

struct tunnel {
	const char *name;
	int outer, inner; /* families */
	bool gue;
};

/* All of them, ending with one that has no name. */
extern const struct tunnel tunnels[];

/* A network namespace with one link, its far end's address known; outer packets go from SOURCE to WEB_01. 0 or -1. */
int tunnels_up(void);

/* Sends the packet of that frame, without its Ethernet header, by a device of that kind; fills the frame that left.
 * 0 or -1: the device cannot be made, or nothing left. */
int tunnel_send(const struct tunnel *tunnel, const struct frame *in, struct frame *out);

#endif
