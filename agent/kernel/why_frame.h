/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet that muster why asks about, as bytes. */
#ifndef MUSTER_KERNEL_WHY_FRAME_H
#define MUSTER_KERNEL_WHY_FRAME_H

#include <linux/if_ether.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include "why.h"

struct why_frame {
	uint8_t data[sizeof(struct ethhdr) + sizeof(struct ipv6hdr) + sizeof(struct tcphdr)];
	size_t size;
};

/* Headers alone, with right checksums, to link address `mac`. */
void why_frame_make(struct why_frame *out, const struct why_question *question, const uint8_t mac[6]);

#endif
