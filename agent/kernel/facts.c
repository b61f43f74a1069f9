// SPDX-License-Identifier: GPL-2.0-or-later
#include "facts.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "netlink.h"

struct look {
	uint32_t ifindex, under, master;
	bool under_elsewhere; /* in another network namespace */
	struct attach_facts *out;
};

static void copy_text(char *to, size_t size, const struct nlattr *from)
{
	snprintf(to, size, "%s", from ? mnl_attr_get_str(from) : "");
}

static void read_info(const struct nlattr *nest, char *kind, size_t kind_size, char *master_kind, size_t master_size)
{
	const struct nlattr *attribute;

	mnl_attr_for_each_nested(attribute, nest)
	{
		if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
			copy_text(kind, kind_size, attribute);
		else if (mnl_attr_get_type(attribute) == IFLA_INFO_SLAVE_KIND)
			copy_text(master_kind, master_size, attribute);
	}
}

static void read_itself(struct look *look, const struct ifinfomsg *ifi, const struct nlattr *const *attribute)
{
	struct attach_facts *out = look->out;

	out->type = ifi->ifi_type;
	if (attribute[IFLA_MTU])
		out->mtu = mnl_attr_get_u32(attribute[IFLA_MTU]);
	if (attribute[IFLA_LINKINFO])
		read_info(attribute[IFLA_LINKINFO], out->kind, sizeof(out->kind), out->master_kind,
			  sizeof(out->master_kind));
	if (attribute[IFLA_LINK])
		look->under = mnl_attr_get_u32(attribute[IFLA_LINK]);
	look->under_elsewhere = attribute[IFLA_LINK_NETNSID] != NULL;
	if (attribute[IFLA_MASTER])
		look->master = mnl_attr_get_u32(attribute[IFLA_MASTER]);
}

static void read_other(struct look *look, const struct nlattr *const *attribute)
{
	char kind[16] = "", master_kind[16] = "";

	if (attribute[IFLA_MASTER] && mnl_attr_get_u32(attribute[IFLA_MASTER]) == look->ifindex && !look->out->port[0])
		copy_text(look->out->port, sizeof(look->out->port), attribute[IFLA_IFNAME]);
	if (!attribute[IFLA_LINK] || attribute[IFLA_LINK_NETNSID] || !attribute[IFLA_LINKINFO] ||
	    mnl_attr_get_u32(attribute[IFLA_LINK]) != look->ifindex)
		return;
	read_info(attribute[IFLA_LINKINFO], kind, sizeof(kind), master_kind, sizeof(master_kind));
	if (strcmp(kind, "vlan") == 0)
		look->out->carries_vlans = true;
}

static int on_link(const struct nlmsghdr *message, void *context)
{
	struct look *look = context;
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute[IFLA_LINK_NETNSID + 1];

	if (message->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	netlink_attributes(message, sizeof(*ifi), attribute, IFLA_LINK_NETNSID);
	if ((uint32_t)ifi->ifi_index == look->ifindex)
		read_itself(look, ifi, attribute);
	else
		read_other(look, attribute);
	return MNL_CB_OK;
}

/* What was gathered is overwritten by the next round. */
static void start_again(void *context)
{
	(void)context;
}

static int read_links(struct look *look)
{
	char room[NETLINK_ROOM] = {0};
	struct nlmsghdr *request = mnl_nlmsg_put_header(room);
	struct netlink netlink = {0};
	struct ifinfomsg *ifi;
	int r = netlink_open(&netlink);

	if (r < 0)
		return r;
	request->nlmsg_type = RTM_GETLINK;
	request->nlmsg_flags = NLM_F_REQUEST;
	ifi = mnl_nlmsg_put_extra_header(request, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = netlink_dump(&netlink, request, on_link, start_again, look);
	netlink_close(&netlink);
	return r;
}

static bool ask(int fd, const char *ifname, void *command)
{
	struct ifreq request = {.ifr_data = command};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
	return fd >= 0 && ioctl(fd, SIOCETHTOOL, &request) == 0;
}

/* The kernel numbers its features as it likes; their names are what stays. */
static void read_features(int fd, struct attach_facts *out)
{
	/* The answer, one number, stands behind the question. */
	_Alignas(struct ethtool_sset_info) uint8_t room[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)] = {0};
	struct ethtool_sset_info *set = (struct ethtool_sset_info *)room;
	_cleanup_(freep) struct ethtool_gstrings *names = NULL;
	_cleanup_(freep) struct ethtool_gfeatures *features = NULL;
	uint32_t n;

	set->cmd = ETHTOOL_GSSET_INFO;
	set->sset_mask = 1ULL << ETH_SS_FEATURES;
	if (!ask(fd, out->ifname, set) || !set->sset_mask)
		return;
	memcpy(&n, room + sizeof(*set), sizeof(n));
	names = calloc(1, sizeof(*names) + (size_t)n * ETH_GSTRING_LEN);
	features = calloc(1, sizeof(*features) + (n + 31) / 32 * sizeof(features->features[0]));
	if (!names || !features)
		return;
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = n;
	features->cmd = ETHTOOL_GFEATURES;
	features->size = (n + 31) / 32;
	if (!ask(fd, out->ifname, names) || !ask(fd, out->ifname, features))
		return;
	for (uint32_t i = 0; i < n; i++) {
		const char *name = (const char *)names->data + (size_t)i * ETH_GSTRING_LEN;

		if (!(features->features[i / 32].active & 1U << i % 32))
			continue;
		out->lro |= strcmp(name, "rx-lro") == 0;
		out->gro_hw |= strcmp(name, "rx-gro-hw") == 0;
		out->strips_vlans |= strcmp(name, "rx-vlan-hw-parse") == 0;
	}
}

static void read_driver(struct attach_facts *out)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (ask(fd, out->ifname, &info))
		snprintf(out->driver, sizeof(out->driver), "%s", info.driver);
	if (ask(fd, out->ifname, &channels)) {
		out->channels.rx = channels.rx_count;
		out->channels.tx = channels.tx_count;
		out->channels.combined = channels.combined_count;
		out->channels.rx_most = channels.max_rx;
		out->channels.tx_most = channels.max_tx;
		out->channels.combined_most = channels.max_combined;
	}
	read_features(fd, out);
}

int facts_read(const char *ifname, struct attach_facts *out)
{
	struct look look = {.ifindex = if_nametoindex(ifname), .out = out};
	int r;

	*out = (struct attach_facts){0};
	snprintf(out->ifname, sizeof(out->ifname), "%s", ifname);
	if (!look.ifindex)
		return -ENODEV;
	r = read_links(&look);
	if (look.under && !look.under_elsewhere)
		if_indextoname(look.under, out->under);
	if (look.master)
		if_indextoname(look.master, out->master);
	read_driver(out);
	return r;
}
