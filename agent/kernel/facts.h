/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an interface is and how it is set, as far as it decides whether a driver takes a program. */
#ifndef MUSTER_KERNEL_FACTS_H
#define MUSTER_KERNEL_FACTS_H

#include <net/if.h>

#include "../base.h"

struct attach_facts {
	char ifname[IF_NAMESIZE];
	char driver[32]; /* as ethtool names it; "": not known */
	char kind[16];   /* of a virtual device: "vlan", "bridge", "tun"; "": hardware, or not known */
	char under
		[IF_NAMESIZE];  /* what a VLAN or macvlan stands on, a veth's other end; "": not to be seen from here */
	char port[IF_NAMESIZE]; /* one of the interfaces below a bridge or bond */
	char master[IF_NAMESIZE]; /* the bridge or bond that it is in */
	char master_kind[16];
	uint16_t type; /* ARPHRD_* */
	uint32_t mtu;
	struct {
		uint32_t rx, tx, combined, rx_most, tx_most, combined_most;
	} channels; /* all 0: the driver does not tell */
	bool lro, gro_hw, strips_vlans;
	bool carries_vlans; /* a VLAN device stands on it */
};

/* 0, or -errno when the interface cannot be asked for; what its driver does not tell stays zero. Needs no rights. */
int facts_read(const char *ifname, struct attach_facts *out);

#endif
