/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What would become of a packet: the program itself is asked, loaded a second time over the same pinned maps with its
 * read-only switch on. No map changes, the turn, the counters and the events included. Needs no agent, but root.
 */
#ifndef MUSTER_WHY_H
#define MUSTER_WHY_H

#include <net/if.h>
#include <muster/trace.h>

#include "../base.h"

enum why_flag { WHY_FIN = 0x01, WHY_SYN = 0x02, WHY_RST = 0x04, WHY_ACK = 0x10 };

struct why_question {
	const char *object, *pins;
	const char *ifname; /* where the packet comes in; NULL: toward its sender, or any that carries the program */
	struct muster_tuple packet;
	uint8_t tcp_flags; /* enum why_flag */
};

struct why {
	struct muster_tuple packet;
	uint8_t tcp_flags;
	char ingress[IF_NAMESIZE];
	bool carries; /* the ingress interface carries the program */
	struct muster_trace trace;
	struct muster_service service; /* not used: none */
	struct muster_server server;   /* state FREE: none */
	uint64_t turn, slots;          /* of the service's table, before the packet */
	uint32_t idle_s;               /* of its flow's direction */
	char egress[IF_NAMESIZE];      /* of a packet that is forwarded, with its link addresses: */
	uint8_t hop_dst[6], hop_src[6];
};

/* 0, or -errno with `why`: -ENOENT: nothing to ask; -ENODEV: no such interface, or none carries the program. */
int why_ask(const struct why_question *question, struct why *out, char *why, size_t n);

#endif
