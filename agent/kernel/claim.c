// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Service addresses that the agent puts on an interface itself. They carry IFA_PROTO, so that an agent that comes
 * back, or the command line without one, knows which are ours: no other address is ever removed.
 */
#include "inside.h"

#include <linux/if_addr.h>
#include <stdio.h>

#include "../address.h"
#include "../log.h"
#include "announce.h"

#define CLAIM_PROTO    0x6d /* 'm': free for users, see /etc/iproute2/rt_addrprotos */
#define ANNOUNCE_TIMES 3
#define FOREVER        UINT32_MAX /* seconds, as the kernel counts lifetimes */

struct host_address {
	struct muster_addr addr;
	uint32_t ifindex;
	uint8_t prefix;
	bool ours;
};

struct address_list {
	struct host_address *list;
	size_t n;
};

static int on_address(const struct nlmsghdr *message, void *context)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute[IFA_PROTO + 1];
	struct address_list *addresses = context;
	struct host_address *grown;

	if (message->nlmsg_type != RTM_NEWADDR || (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6))
		return MNL_CB_OK;
	netlink_attributes(message, sizeof(*ifa), attribute, IFA_PROTO);
	/* On a point-to-point interface IFA_ADDRESS is the peer's. */
	const struct nlattr *own = attribute[IFA_LOCAL] ? attribute[IFA_LOCAL] : attribute[IFA_ADDRESS];
	grown = own ? reallocarray(addresses->list, addresses->n + 1, sizeof(*grown)) : NULL;
	if (!grown)
		return MNL_CB_OK;
	addresses->list = grown;
	grown[addresses->n++] = (struct host_address){
		.addr = netlink_addr(own, ifa->ifa_family),
		.ifindex = ifa->ifa_index,
		.prefix = ifa->ifa_prefixlen,
		.ours = attribute[IFA_PROTO] && mnl_attr_get_u8(attribute[IFA_PROTO]) == CLAIM_PROTO,
	};
	return MNL_CB_OK;
}

static void forget_addresses(void *context)
{
	struct address_list *addresses = context;

	addresses->n = 0;
}

static int dump_addresses(struct netlink *netlink, struct address_list *out)
{
	char room[NETLINK_ROOM] = {0};
	struct nlmsghdr *request = mnl_nlmsg_put_header(room);
	struct ifaddrmsg *ifa;

	request->nlmsg_type = RTM_GETADDR;
	request->nlmsg_flags = NLM_F_REQUEST;
	ifa = mnl_nlmsg_put_extra_header(request, sizeof(*ifa));
	ifa->ifa_family = AF_UNSPEC;
	return netlink_dump(netlink, request, on_address, forget_addresses, out);
}

static int change_address(struct netlink *netlink, uint16_t type, uint32_t ifindex, const struct muster_addr *addr)
{
	struct ifa_cacheinfo lifetime = {.ifa_prefered = FOREVER, .ifa_valid = FOREVER};
	char room[NETLINK_ROOM] = {0};
	struct nlmsghdr *request = mnl_nlmsg_put_header(room);
	struct ifaddrmsg *ifa;

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | (type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0);
	ifa = mnl_nlmsg_put_extra_header(request, sizeof(*ifa));
	ifa->ifa_family = netlink_family(addr);
	ifa->ifa_prefixlen = ifa->ifa_family == AF_INET ? 32 : 128;
	ifa->ifa_index = ifindex;
	/*
	 * Nothing that the host sends by itself may come from a service address: the kernel offers no IPv4 address of
	 * scope host as a source, and a deprecated IPv6 address only where it has no other (RFC 6724, rule 3).
	 */
	if (ifa->ifa_family == AF_INET)
		ifa->ifa_scope = RT_SCOPE_HOST;
	else
		lifetime.ifa_prefered = 0;
	netlink_put_addr(request, IFA_LOCAL, addr);
	netlink_put_addr(request, IFA_ADDRESS, addr);
	if (type == RTM_NEWADDR) {
		/* Duplicate detection would leave the address unusable for a second; the claim is the operator's word. */
		mnl_attr_put_u32(request, IFA_FLAGS, IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
		mnl_attr_put_u8(request, IFA_PROTO, CLAIM_PROTO);
		mnl_attr_put(request, IFA_CACHEINFO, sizeof(lifetime), &lifetime);
	}
	return netlink_talk(netlink, request, NULL, NULL);
}

static struct claim *find_claim(struct claim *claims, size_t n, const struct muster_addr *addr)
{
	for (size_t i = 0; i < n; i++)
		if (address_equal(&claims[i].addr, addr))
			return &claims[i];
	return NULL;
}

int claims_want(struct kernel *kernel, const struct plan *plan)
{
	struct claim *wanted = calloc(MAX(plan->n_services, 1u), sizeof(*wanted));
	size_t n = 0;

	if (!wanted)
		return -ENOMEM;
	for (size_t i = 0; i < plan->n_services; i++) {
		const struct muster_addr *addr = &plan->services[i].record.addr;

		if (!plan->services[i].claim || find_claim(wanted, n, addr))
			continue;
		const struct claim *known = find_claim(kernel->claims, kernel->n_claims, addr);
		wanted[n++] = known ? *known : (struct claim){.addr = *addr};
		kernel->claims_stale = kernel->claims_stale || !known;
	}
	kernel->claims_stale = kernel->claims_stale || n != kernel->n_claims;
	free(kernel->claims);
	kernel->claims = wanted;
	kernel->n_claims = n;
	kernel->claims_known = true;
	if (kernel->claims_stale)
		claims_apply(kernel);
	return 0;
}

/* Takes off what is ours and no longer wanted, or sits where our program does not. */
static void take_back_unwanted(struct kernel *kernel, struct address_list *addresses)
{
	for (size_t i = 0; i < addresses->n; i++) {
		struct host_address *address = &addresses->list[i];
		const struct link *link = links_find(kernel, address->ifindex);
		char text[ADDRESS_TEXT_SIZE];
		int r;

		if (!address->ours)
			continue;
		if (link && (link->ours || link->hidden) &&
		    find_claim(kernel->claims, kernel->n_claims, &address->addr))
			continue;
		r = change_address(&kernel->netlink, RTM_DELADDR, address->ifindex, &address->addr);
		address_format(&address->addr, text);
		if (r < 0 && r != -EADDRNOTAVAIL)
			log_warning("taking back service address %s: %s; remove it with `ip addr del`", text,
				    strerror(-r));
		else
			log_info("service address %s taken back from %s", text, link ? link->name : "its interface");
		address->addr = (struct muster_addr){0};
	}
}

static const struct host_address *find_address(const struct address_list *addresses, const struct muster_addr *addr)
{
	for (size_t i = 0; i < addresses->n; i++)
		if (address_equal(&addresses->list[i].addr, addr))
			return &addresses->list[i];
	return NULL;
}

/*
 * The interface with a connected route to the address, as soon as it carries our program; where no interface has such a
 * route, the first that carries it.
 */
static struct link *choose_link(struct kernel *kernel, const struct muster_addr *addr)
{
	struct netlink_route route;
	uint32_t connected = 0;
	struct link *link;

	if (netlink_route(&kernel->netlink, addr, &route) == 0 && !route.local && !route.has_gateway)
		connected = route.ifindex;
	link = links_attached(kernel, connected);
	return connected && link && link->ifindex != connected ? NULL : link;
}

static void put_address(struct kernel *kernel, struct claim *claim)
{
	struct link *link = choose_link(kernel, &claim->addr);
	char text[ADDRESS_TEXT_SIZE];
	int r;

	address_format(&claim->addr, text);
	if (!link) {
		log_debug("service address %s waits for an interface that carries the program", text);
		return;
	}
	r = change_address(&kernel->netlink, RTM_NEWADDR, link->ifindex, &claim->addr);
	if (r < 0) {
		log_warning("claiming service address %s on %s: %s; add it with `ip addr add %s dev %s`", text,
			    link->name, strerror(-r), text, link->name);
		return;
	}
	log_info("service address %s claimed on %s", text, link->name);
	claim->ifindex = link->ifindex;
	claim->announce_left = ANNOUNCE_TIMES;
}

void claims_apply(struct kernel *kernel)
{
	struct address_list addresses = {0};
	_cleanup_(freep) struct host_address *owned = NULL;
	int r;

	/* Before a first plan, what an earlier agent claimed stays: services that go on forwarding are behind it. */
	if (!kernel->claims_known)
		return;
	r = dump_addresses(&kernel->netlink, &addresses);
	owned = addresses.list;
	if (r < 0) {
		log_warning("reading the host's addresses: %s; service addresses are not claimed", strerror(-r));
		return;
	}
	kernel->claims_stale = false;
	take_back_unwanted(kernel, &addresses);
	for (size_t i = 0; i < kernel->n_claims; i++) {
		struct claim *claim = &kernel->claims[i];
		const struct host_address *there = find_address(&addresses, &claim->addr);

		claim->ifindex = there && there->ours ? there->ifindex : 0;
		if (!there)
			put_address(kernel, claim);
	}
	claims_tick(kernel);
}

/* A neighbour that missed one announcement hears the next: three, a second apart. */
void claims_tick(struct kernel *kernel)
{
	for (size_t i = 0; i < kernel->n_claims; i++) {
		struct claim *claim = &kernel->claims[i];
		const struct link *link = links_find(kernel, claim->ifindex);

		if (!claim->announce_left || !link)
			continue;
		claim->announce_left--;
		int r = announce(link->ifindex, link->mac, &claim->addr);
		if (r < 0)
			log_warning("announcing a service address on %s: %s", link->name, strerror(-r));
	}
}

int claims_take_back(struct netlink *netlink, uint32_t ifindex)
{
	struct address_list addresses = {0};
	_cleanup_(freep) struct host_address *owned = NULL;
	int r = dump_addresses(netlink, &addresses), last = 0;

	owned = addresses.list;
	if (r < 0)
		return r;
	for (size_t i = 0; i < addresses.n; i++) {
		if (!owned[i].ours || owned[i].ifindex != ifindex)
			continue;
		r = change_address(netlink, RTM_DELADDR, ifindex, &owned[i].addr);
		last = r < 0 ? r : last;
	}
	return last;
}
