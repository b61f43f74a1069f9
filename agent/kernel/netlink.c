// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "../address.h"

#define DUMP_REPEATS 3

int netlink_open(struct netlink *netlink)
{
	/* A kernel that never answers would stop the loop: give up after this long instead. */
	struct timeval patience = {.tv_sec = 2};
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	if (!socket)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		int r = -errno;

		mnl_socket_close(socket);
		return r;
	}
	setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	netlink->socket = socket;
	return 0;
}

void netlink_close(struct netlink *netlink)
{
	if (netlink->socket)
		mnl_socket_close(netlink->socket);
	netlink->socket = NULL;
}

int netlink_talk(struct netlink *netlink, struct nlmsghdr *request, mnl_cb_t each, void *context)
{
	unsigned port = mnl_socket_get_portid(netlink->socket);
	char answer[32768];
	int r;

	request->nlmsg_seq = ++netlink->sequence;
	/* The acknowledgement marks the end of an answer that is no dump. */
	if ((request->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		request->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(netlink->socket, request, request->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t length = mnl_socket_recvfrom(netlink->socket, answer, sizeof(answer));

		if (length < 0 && errno == EINTR) {
			r = 1;
			continue;
		}
		if (length < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		r = mnl_cb_run(answer, length, request->nlmsg_seq, port, each, context);
		/* A leftover of a request that timed out. */
		if (r < 0 && errno == EPROTO)
			r = 1;
	} while (r > 0);
	return r < 0 ? -errno : 0;
}

int netlink_dump(struct netlink *netlink, struct nlmsghdr *request, mnl_cb_t each, void (*restart)(void *context),
		 void *context)
{
	int r;

	request->nlmsg_flags |= NLM_F_DUMP;
	for (int repeats = 0;; repeats++) {
		r = netlink_talk(netlink, request, each, context);
		if (r != -EINTR || repeats == DUMP_REPEATS)
			return r;
		restart(context);
	}
}

uint8_t netlink_family(const struct muster_addr *addr)
{
	return address_is_v4(addr) ? AF_INET : AF_INET6;
}

void netlink_put_addr(struct nlmsghdr *request, uint16_t type, const struct muster_addr *addr)
{
	if (address_is_v4(addr))
		mnl_attr_put(request, type, sizeof(addr->word[3]), &addr->word[3]);
	else
		mnl_attr_put(request, type, sizeof(*addr), addr);
}

struct muster_addr netlink_addr(const struct nlattr *attribute, uint8_t family)
{
	struct muster_addr addr = {0};
	__be32 v4;

	if (family == AF_INET && mnl_attr_get_payload_len(attribute) >= sizeof(v4)) {
		memcpy(&v4, mnl_attr_get_payload(attribute), sizeof(v4));
		return address_from_v4(v4);
	}
	if (mnl_attr_get_payload_len(attribute) >= sizeof(addr))
		memcpy(&addr, mnl_attr_get_payload(attribute), sizeof(addr));
	return addr;
}

void netlink_attributes(const struct nlmsghdr *message, size_t offset, const struct nlattr **table, uint16_t most)
{
	const struct nlattr *attribute;

	memset(table, 0, (most + 1) * sizeof(*table));
	mnl_attr_for_each(attribute, message, offset)
	{
		if (mnl_attr_get_type(attribute) <= most)
			table[mnl_attr_get_type(attribute)] = attribute;
	}
}

static bool is_link_local(const struct muster_addr *addr)
{
	return !address_is_v4(addr) && (addr->word[0] & htonl(0xffc00000)) == htonl(0xfe800000);
}

struct route_question {
	const struct muster_addr *to;
	struct netlink_route *out;
};

static void read_via(const struct nlattr *attribute, struct netlink_route *out)
{
	const struct rtvia *via = mnl_attr_get_payload(attribute);
	size_t length = mnl_attr_get_payload_len(attribute);

	/* An IPv4 route through an IPv6 neighbour (RFC 5549). */
	if (length >= sizeof(*via) + sizeof(out->via) && via->rtvia_family == AF_INET6) {
		memcpy(&out->via, via->rtvia_addr, sizeof(out->via));
		out->has_gateway = true;
	}
}

static uint32_t read_mtu(const struct nlattr *metrics)
{
	const struct nlattr *metric;

	mnl_attr_for_each_nested(metric, metrics)
	{
		if (mnl_attr_get_type(metric) == RTAX_MTU)
			return mnl_attr_get_u32(metric);
	}
	return 0;
}

static int on_route(const struct nlmsghdr *message, void *context)
{
	struct route_question *question = context;
	struct netlink_route *out = question->out;
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute[RTA_MAX + 1];

	if (message->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	netlink_attributes(message, sizeof(*rtm), attribute, RTA_MAX);
	out->local = rtm->rtm_type == RTN_LOCAL;
	out->via = *question->to;
	if (attribute[RTA_OIF])
		out->ifindex = mnl_attr_get_u32(attribute[RTA_OIF]);
	if (attribute[RTA_GATEWAY]) {
		out->via = netlink_addr(attribute[RTA_GATEWAY], rtm->rtm_family);
		out->has_gateway = true;
	}
	if (attribute[RTA_METRICS])
		out->mtu = read_mtu(attribute[RTA_METRICS]);
	if (attribute[RTA_VIA])
		read_via(attribute[RTA_VIA], out);
	if (attribute[RTA_PREFSRC]) {
		out->source = netlink_addr(attribute[RTA_PREFSRC], rtm->rtm_family);
		/* While an IPv6 address is tentative the kernel offers a link-local one, which no router passes on. */
		out->has_source = !is_link_local(&out->source) || is_link_local(question->to);
	}
	return MNL_CB_OK;
}

int netlink_route(struct netlink *netlink, const struct muster_addr *to, struct netlink_route *out)
{
	struct route_question question = {.to = to, .out = out};
	char room[NETLINK_ROOM] = {0};
	struct nlmsghdr *request = mnl_nlmsg_put_header(room);
	struct rtmsg *rtm;

	memset(out, 0, sizeof(*out)); /* padding too: routes are compared as memory */
	request->nlmsg_type = RTM_GETROUTE;
	request->nlmsg_flags = NLM_F_REQUEST;
	rtm = mnl_nlmsg_put_extra_header(request, sizeof(*rtm));
	rtm->rtm_family = netlink_family(to);
	rtm->rtm_dst_len = rtm->rtm_family == AF_INET ? 32 : 128;
	netlink_put_addr(request, RTA_DST, to);
	return netlink_talk(netlink, request, on_route, &question);
}

bool netlink_neighbour_read(const struct nlmsghdr *message, struct netlink_neighbour *out)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute[NDA_MAX + 1];

	if (message->nlmsg_type != RTM_NEWNEIGH && message->nlmsg_type != RTM_DELNEIGH)
		return false;
	netlink_attributes(message, sizeof(*ndm), attribute, NDA_MAX);
	if ((ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6) || !attribute[NDA_DST])
		return false;
	*out = (struct netlink_neighbour){
		.ifindex = ndm->ndm_ifindex,
		.addr = netlink_addr(attribute[NDA_DST], ndm->ndm_family),
		.nud = message->nlmsg_type == RTM_DELNEIGH ? NUD_NONE : ndm->ndm_state,
	};
	if (attribute[NDA_LLADDR] && mnl_attr_get_payload_len(attribute[NDA_LLADDR]) == sizeof(out->mac)) {
		memcpy(out->mac, mnl_attr_get_payload(attribute[NDA_LLADDR]), sizeof(out->mac));
		out->has_mac = true;
	}
	return true;
}

static int on_neighbour(const struct nlmsghdr *message, void *context)
{
	netlink_neighbour_read(message, context);
	return MNL_CB_OK;
}

static struct nlmsghdr *neighbour_request(char *room, uint16_t type, uint16_t flags, uint8_t ndm_flags,
					  uint32_t ifindex, const struct muster_addr *addr)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(room);
	struct ndmsg *ndm;

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	ndm = mnl_nlmsg_put_extra_header(request, sizeof(*ndm));
	ndm->ndm_family = netlink_family(addr);
	ndm->ndm_ifindex = (int)ifindex;
	ndm->ndm_flags = ndm_flags;
	netlink_put_addr(request, NDA_DST, addr);
	return request;
}

int netlink_neighbour(struct netlink *netlink, uint32_t ifindex, const struct muster_addr *addr,
		      struct netlink_neighbour *out)
{
	char room[NETLINK_ROOM] = {0};

	*out = (struct netlink_neighbour){0};
	return netlink_talk(netlink, neighbour_request(room, RTM_GETNEIGH, 0, 0, ifindex, addr), on_neighbour, out);
}

int netlink_neighbour_use(struct netlink *netlink, uint32_t ifindex, const struct muster_addr *addr)
{
	char room[NETLINK_ROOM] = {0};

	return netlink_talk(netlink, neighbour_request(room, RTM_NEWNEIGH, NLM_F_CREATE, NTF_USE, ifindex, addr), NULL,
			    NULL);
}
