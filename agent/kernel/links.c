// SPDX-License-Identifier: GPL-2.0-or-later
/* The interfaces: which carry our program, and what changed. */
#include "inside.h"

#include <bpf/bpf.h>
#include <linux/if_arp.h>
#include <stdio.h>

#include "../log.h"

struct link *links_find(struct kernel *kernel, uint32_t ifindex)
{
	for (size_t i = 0; i < kernel->n_links; i++)
		if (kernel->links[i].ifindex == ifindex)
			return &kernel->links[i];
	return NULL;
}

struct link *links_attached(struct kernel *kernel, uint32_t prefer)
{
	struct link *first = NULL;

	for (size_t i = 0; i < kernel->n_links; i++) {
		struct link *link = &kernel->links[i];

		if (!link->ours)
			continue;
		if (link->ifindex == prefer)
			return link;
		if (!first || link->ifindex < first->ifindex)
			first = link;
	}
	return first;
}

void links_note(struct kernel *kernel, const struct attach_report *report)
{
	struct link *link = links_find(kernel, report->ifindex);

	if (!link)
		return;
	link->wanted = report->wanted;
	if (!report->native && !report->adopted && report->wanted != ATTACH_GENERIC)
		memcpy(link->loss, report->text, sizeof(link->loss));
}

void links_clear(struct kernel *kernel)
{
	free(kernel->links);
	kernel->links = NULL;
	kernel->n_links = 0;
}

static void read_xdp(const struct nlattr *nest, struct link *out)
{
	uint32_t native_id = 0, generic_id = 0, any_id = 0;
	const struct nlattr *attribute;

	mnl_attr_for_each_nested(attribute, nest)
	{
		switch (mnl_attr_get_type(attribute)) {
		case IFLA_XDP_PROG_ID:
			any_id = mnl_attr_get_u32(attribute);
			break;
		case IFLA_XDP_DRV_PROG_ID:
			native_id = mnl_attr_get_u32(attribute);
			break;
		case IFLA_XDP_SKB_PROG_ID:
			generic_id = mnl_attr_get_u32(attribute);
			break;
		}
	}
	out->native = native_id || (any_id && !generic_id);
	out->program_id = native_id ? native_id : generic_id ? generic_id : any_id;
}

static bool read_link(const struct nlmsghdr *message, struct link *out)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute[IFLA_XDP + 1];

	if (message->nlmsg_type != RTM_NEWLINK)
		return false;
	netlink_attributes(message, sizeof(*ifi), attribute, IFLA_XDP);
	*out = (struct link){
		.ifindex = ifi->ifi_index,
		.type = ifi->ifi_type,
		.up = (ifi->ifi_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING),
	};
	if (attribute[IFLA_IFNAME])
		snprintf(out->name, sizeof(out->name), "%s", mnl_attr_get_str(attribute[IFLA_IFNAME]));
	if (attribute[IFLA_ADDRESS] && mnl_attr_get_payload_len(attribute[IFLA_ADDRESS]) == sizeof(out->mac))
		memcpy(out->mac, mnl_attr_get_payload(attribute[IFLA_ADDRESS]), sizeof(out->mac));
	if (attribute[IFLA_XDP])
		read_xdp(attribute[IFLA_XDP], out);
	return true;
}

struct dump {
	struct link *list;
	size_t n;
	int error;
};

static int on_link(const struct nlmsghdr *message, void *context)
{
	struct dump *dump = context;
	struct link link, *grown;

	if (!read_link(message, &link))
		return MNL_CB_OK;
	grown = reallocarray(dump->list, dump->n + 1, sizeof(*grown));
	if (!grown) {
		dump->error = -ENOMEM;
		return MNL_CB_OK;
	}
	dump->list = grown;
	dump->list[dump->n++] = link;
	return MNL_CB_OK;
}

static void forget_links(void *context)
{
	struct dump *dump = context;

	dump->n = 0;
}

static int dump_links(struct kernel *kernel, struct dump *dump)
{
	char room[NETLINK_ROOM] = {0};
	struct nlmsghdr *request = mnl_nlmsg_put_header(room);
	struct ifinfomsg *ifi;
	int r;

	request->nlmsg_type = RTM_GETLINK;
	request->nlmsg_flags = NLM_F_REQUEST;
	ifi = mnl_nlmsg_put_extra_header(request, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = netlink_dump(&kernel->netlink, request, on_link, forget_links, dump);
	return r < 0 ? r : dump->error;
}

/* What the operator should know, in words; empty when nothing that matters changed. */
static void describe(const struct link *before, const struct link *now, char *text, size_t n)
{
	text[0] = '\0';
	if (now && now->hidden && now->program_id != before->program_id)
		snprintf(text, n,
			 "%s carries program id %u%s, put there since musterd gave up CAP_SYS_ADMIN: restart musterd "
			 "to adopt "
			 "it if it is Muster's",
			 now->name, now->program_id, before->ours ? " in place of ours" : "");
	else if (!before->ours)
		return;
	else if (!now)
		snprintf(text, n, "%s is gone, and the program with it", before->name);
	else if (!now->program_id)
		snprintf(text, n,
			 "%s lost its program: packets for its services now reach the host itself; put it back with "
			 "`muster attach %s`",
			 now->name, now->name);
	else if (!now->ours)
		snprintf(text, n,
			 "%s carries a program that is not over our maps (id %u) in place of ours: see `bpftool prog "
			 "show id %u`",
			 now->name, now->program_id, now->program_id);
	else if (now->program_id != before->program_id)
		snprintf(text, n, "%s got another program of ours, id %u in place of %u", now->name, now->program_id,
			 before->program_id);
	else if (now->up != before->up)
		snprintf(text, n, "%s %s", now->name, now->up ? "is up again" : "went down");
}

static bool program_in_use(void *context, uint32_t id)
{
	struct kernel *kernel = context;

	for (size_t i = 0; i < kernel->n_links; i++)
		if (kernel->links[i].program_id == id)
			return true;
	return false;
}

/* Takes over what the dump says about one interface; text is for the agent. */
static void take_over(struct kernel *kernel, const struct link *before, struct link *now, char *text, size_t n)
{
	const struct program *program =
		now->program_id ? programs_get(&kernel->programs, now->program_id, &kernel->maps) : NULL;

	now->ours = program && program_is_ours(program);
	if (now->ours) {
		now->frags = program_entry(program) == OBJECT_FRAGS;
		snprintf(now->version, sizeof(now->version), "%s", program->about.version);
	}
	if (now->ours && before && before->ours && now->native == before->native) {
		now->wanted = before->wanted;
		memcpy(now->loss, before->loss, sizeof(now->loss));
	}
	now->hidden = program && program->owner == PROGRAM_HIDDEN;
	text[0] = '\0';
	if (before)
		describe(before, now, text, n);
	if (!before ? now->ours : before->ours != now->ours)
		kernel->claims_stale = true;
}

struct news {
	char name[IF_NAMESIZE];
	char text[256];
};

static void tell(struct kernel *kernel, struct news *news, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (news[i].text[0] && kernel->handlers.link_changed)
			kernel->handlers.link_changed(kernel->handlers.context, news[i].name, news[i].text);
}

int links_refresh(struct kernel *kernel, bool speak)
{
	_cleanup_(freep) struct link *old = NULL;
	_cleanup_(freep) struct news *news = NULL;
	struct dump dump = {0};
	size_t n_old, n_news = 0;
	int r = dump_links(kernel, &dump);

	news = calloc(kernel->n_links + 1, sizeof(*news));
	if (r < 0 || !news) {
		free(dump.list);
		return r < 0 ? r : -ENOMEM;
	}
	old = kernel->links;
	n_old = kernel->n_links;
	kernel->links = dump.list;
	kernel->n_links = dump.n;
	for (size_t i = 0; i < dump.n; i++) {
		struct link *now = &dump.list[i];
		const struct link *before = NULL;
		char text[sizeof(news->text)];

		for (size_t o = 0; o < n_old && !before; o++)
			if (old[o].ifindex == now->ifindex)
				before = &old[o];
		take_over(kernel, before, now, text, sizeof(text));
		if (text[0]) {
			memcpy(news[n_news].name, now->name, sizeof(now->name));
			memcpy(news[n_news++].text, text, sizeof(text));
		}
	}
	for (size_t o = 0; o < n_old; o++) {
		if (!old[o].ours || links_find(kernel, old[o].ifindex))
			continue;
		memcpy(news[n_news].name, old[o].name, sizeof(old[o].name));
		describe(&old[o], NULL, news[n_news].text, sizeof(news->text));
		n_news++;
		kernel->claims_stale = true;
	}
	programs_keep(&kernel->programs, program_in_use, kernel);
	if (speak)
		tell(kernel, news, n_news);
	return 0;
}
