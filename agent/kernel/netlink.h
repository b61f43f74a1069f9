/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to rtnetlink, asked and answered at once: the kernel has the answer ready when send() returns. */
#ifndef MUSTER_KERNEL_NETLINK_H
#define MUSTER_KERNEL_NETLINK_H

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <muster/maps.h>

#include "../base.h"

#define NETLINK_ROOM 512 /* bytes, room for any request of this folder */

struct netlink {
	struct mnl_socket *socket;
	uint32_t sequence;
};

int netlink_open(struct netlink *netlink);
void netlink_close(struct netlink *netlink);

/* Sends the request and calls `each` (may be NULL) for every message of the answer. 0 or the kernel's -errno. */
int netlink_talk(struct netlink *netlink, struct nlmsghdr *request, mnl_cb_t each, void *context);

/*
 * A dump, asked for again from its start when the kernel says that what it lists changed meanwhile: `restart` then drops
 * what `each` has gathered. -EINTR: it changed each time.
 */
int netlink_dump(struct netlink *netlink, struct nlmsghdr *request, mnl_cb_t each, void (*restart)(void *context),
		 void *context);

/* An address in the form of its own family. */
uint8_t netlink_family(const struct muster_addr *addr);
void netlink_put_addr(struct nlmsghdr *request, uint16_t type, const struct muster_addr *addr);
struct muster_addr netlink_addr(const struct nlattr *attribute, uint8_t family);
/* The attributes behind a header of `offset` bytes, by type up to `most`; table has most + 1 entries. */
void netlink_attributes(const struct nlmsghdr *message, size_t offset, const struct nlattr **table, uint16_t most);

/* How the host would send to an address. */
struct netlink_route {
	bool local;
	uint32_t ifindex;
	uint32_t mtu;              /* the route's own, or found on the way; 0: the interface's */
	struct muster_addr via;    /* the neighbour: a gateway, or the address itself */
	struct muster_addr source; /* what the host would send from */
	bool has_source;
	bool has_gateway;
};
int netlink_route(struct netlink *netlink, const struct muster_addr *to, struct netlink_route *out);

struct netlink_neighbour {
	uint32_t ifindex;
	struct muster_addr addr;
	uint8_t mac[6];
	bool has_mac;
	uint16_t nud; /* NUD_* */
};
/* From a RTM_NEWNEIGH or RTM_DELNEIGH message; false when it is not about an IP neighbour. */
bool netlink_neighbour_read(const struct nlmsghdr *message, struct netlink_neighbour *out);
/* What the host's table says; -ENOENT when it has no entry. */
int netlink_neighbour(struct netlink *netlink, uint32_t ifindex, const struct muster_addr *addr,
		      struct netlink_neighbour *out);
/* Makes the host use the entry as if it had sent a packet: resolves, or confirms what is stale. */
int netlink_neighbour_use(struct netlink *netlink, uint32_t ifindex, const struct muster_addr *addr);

#endif
