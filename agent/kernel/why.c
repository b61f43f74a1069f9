// SPDX-License-Identifier: GPL-2.0-or-later
#include "why.h"

#include <bpf/bpf.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <stdio.h>

#include "../address.h"
#include "inside.h"
#include "object.h"
#include "why_frame.h"

struct asking {
	const struct why_question *question;
	struct maps maps;
	struct programs programs;
	struct object_program program;
	int trace_fd;
	struct ticks ticks;
	uint32_t ifindex;
	uint8_t mac[6];
};

static void asking_close(struct asking *a)
{
	ticks_close(&a->ticks);
	closep(&a->trace_fd);
	object_program_close(&a->program);
	programs_clear(&a->programs);
	maps_close(&a->maps);
}

/* Whether two socket addresses are one host's. */
static bool same_host(const struct sockaddr *a, const struct sockaddr *b)
{
	if (!a || a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	return a->sa_family == AF_INET6 &&
	       memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, &((const struct sockaddr_in6 *)b)->sin6_addr,
		      sizeof(struct in6_addr)) == 0;
}

/* The interface of the route toward an address, as far as the source address on it tells; "": not known. */
static void toward(const struct muster_addr *addr, const struct ifaddrs *all, char ifname[IF_NAMESIZE])
{
	struct sockaddr_storage to, own;
	socklen_t size = address_to_sockaddr(addr, htons(9), &to), own_size = sizeof(own);
	_cleanup_(closep) int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ifname[0] = '\0';
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&own, &own_size) < 0)
		return;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		if (same_host(i->ifa_addr, (struct sockaddr *)&own))
			snprintf(ifname, IF_NAMESIZE, "%s", i->ifa_name);
}

static void mac_of(const char *ifname, const struct ifaddrs *all, uint8_t mac[6])
{
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		const struct sockaddr_ll *link = (const struct sockaddr_ll *)i->ifa_addr;

		if (link && link->sll_family == AF_PACKET && link->sll_halen == 6 && !strcmp(i->ifa_name, ifname))
			memcpy(mac, link->sll_addr, 6);
	}
}

static bool carries(struct asking *a, const char *ifname)
{
	const struct attach_site site = {.pins = a->question->pins, .maps = &a->maps, .programs = &a->programs};
	struct attach_report report;

	return *ifname && query_on(&site, ifname, &report) == 0 && report.program_id;
}

/* Where the packet comes in: as asked, else toward its sender, else the first that carries the program. */
static int choose(struct asking *a, const struct ifaddrs *all, struct why *out, char *why, size_t n)
{
	const char *named = a->question->ifname;

	if (named)
		snprintf(out->ingress, sizeof(out->ingress), "%s", named);
	else
		toward(&a->question->packet.src, all, out->ingress);
	out->carries = carries(a, out->ingress);
	for (const struct ifaddrs *i = all; i && !named && !out->carries; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_PACKET || !carries(a, i->ifa_name))
			continue;
		snprintf(out->ingress, sizeof(out->ingress), "%s", i->ifa_name);
		out->carries = true;
	}
	a->ifindex = if_nametoindex(out->ingress);
	if (named && !a->ifindex)
		snprintf(why, n, "there is no interface %s: `ip link` lists them", named);
	else if (!named && !out->carries)
		snprintf(why, n,
			 "no interface carries the program over the maps in %s, so no packet is balanced: muster "
			 "attach DEV, or name one with --in",
			 a->question->pins);
	else
		return 0;
	return -ENODEV;
}

static void free_addresses(struct ifaddrs **all)
{
	if (*all)
		freeifaddrs(*all);
}

static int find_ingress(struct asking *a, struct why *out, char *why, size_t n)
{
	_cleanup_(free_addresses) struct ifaddrs *all = NULL;
	int r;

	if (getifaddrs(&all) < 0) {
		r = -errno;
		snprintf(why, n, "listing the interfaces: %s", strerror(-r));
		return r;
	}
	r = choose(a, all, out, why, n);
	if (r == 0)
		mac_of(out->ingress, all, a->mac);
	return r;
}

/* The service's table as it stands: the packet has not changed it. */
static void read_table(const struct asking *a, uint32_t service, struct why *out)
{
	const uint32_t length = MUSTER_PICKS_LEN, turn = MUSTER_PICKS_TURN;
	uint32_t id;

	if (bpf_map_lookup_elem(a->maps.fd[MAP_PICKS], &service, &id) < 0)
		return;
	_cleanup_(closep) int fd = bpf_map_get_fd_by_id(id);

	if (fd < 0 || bpf_map_lookup_elem(fd, &length, &out->slots) < 0 ||
	    bpf_map_lookup_elem(fd, &turn, &out->turn) < 0)
		out->slots = out->turn = 0;
}

/* What the numbers in the trace name. */
static void read_records(const struct asking *a, struct why *out)
{
	const struct muster_trace *trace = &out->trace;
	struct muster_config config = {0};
	const uint32_t zero = 0;
	uint32_t beats;

	if (trace->service != ~0U) {
		bpf_map_lookup_elem(a->maps.fd[MAP_SERVICES], &trace->service, &out->service);
		read_table(a, trace->service, out);
	}
	if (trace->server != ~0U)
		bpf_map_lookup_elem(a->maps.fd[MAP_SERVERS], &trace->server, &out->server);
	bpf_map_lookup_elem(a->maps.fd[MAP_CONFIG], &zero, &config);
	beats = muster_tag_idle(trace->tag, ticks_now(&a->ticks) >> MUSTER_BEAT_SHIFT);
	if (trace->tag && config.ticks_per_s)
		out->idle_s = (uint32_t)(((uint64_t)beats << MUSTER_BEAT_SHIFT) / config.ticks_per_s);
}

static int run(struct asking *a, struct why *out, char *why, size_t n)
{
	struct why_frame frame;
	uint8_t after[256];
	struct xdp_md context = {.ingress_ifindex = a->ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.data, .data_out = after, .data_size_out = sizeof(after),
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = 1);
	const uint32_t zero = 0;
	int r;

	why_frame_make(&frame, a->question, a->mac);
	context.data_end = opts.data_size_in = (uint32_t)frame.size;
	r = bpf_prog_test_run_opts(a->program.fd, &opts);
	if (r == 0 && bpf_map_lookup_elem(a->trace_fd, &zero, &out->trace) < 0)
		r = -errno;
	if (r < 0) {
		snprintf(why, n, "asking the program about a packet that comes in by %s: %s", out->ingress,
			 strerror(-r));
		return r;
	}
	if (out->trace.egress && opts.data_size_out >= sizeof(struct ethhdr)) {
		if_indextoname(out->trace.egress, out->egress);
		memcpy(out->hop_dst, after, 6);
		memcpy(out->hop_src, after + 6, 6);
	}
	return 0;
}

int why_ask(const struct why_question *question, struct why *out, char *why, size_t n)
{
	_cleanup_(asking_close) struct asking a = {
		.question = question, .program.fd = -1, .trace_fd = -1, .ticks.program_fd = -1};
	int r;

	object_quiet();
	maps_init(&a.maps);
	*out = (struct why){.packet = question->packet, .tcp_flags = question->tcp_flags};
	r = maps_open_pinned(&a.maps, question->pins, why, n);
	if (r == 0)
		r = maps_check_abi(&a.maps, question->pins, why, n);
	if (r == 0)
		r = find_ingress(&a, out, why, n);
	if (r == 0)
		r = object_load_dry(question->object, question->pins, &a.maps, &a.program, &a.trace_fd, why, n);
	if (r < 0)
		return r;
	r = ticks_open(&a.ticks);
	if (r < 0) {
		snprintf(why, n, "reading the kernel's clock: %s", strerror(-r));
		return r;
	}
	r = run(&a, out, why, n);
	if (r == 0)
		read_records(&a, out);
	return r;
}
