// SPDX-License-Identifier: GPL-2.0-or-later
#include "inside.h"

#include <stdio.h>

#include "object.h"
#include "pins.h"

void kernel_close(struct kernel **kernel)
{
	struct kernel *k = *kernel;

	if (!k)
		return;
	failures_close(k);
	flows_close(k);
	events_close(k);
	watch_close(k);
	netlink_close(&k->netlink);
	ticks_close(&k->ticks);
	tables_close(k);
	flow_tables_close(k);
	source_ports_close(k);
	records_close(k);
	programs_clear(&k->programs);
	maps_close(&k->maps);
	links_clear(k);
	free(k->claims);
	free(k->vips);
	free(k->object);
	free(k->pins);
	closep(&k->lock_fd);
	free(k);
	*kernel = NULL;
}

static struct kernel *new_kernel(const struct kernel_conf *conf, sd_event *event,
				 const struct kernel_handlers *handlers)
{
	struct kernel *kernel = calloc(1, sizeof(*kernel));

	if (!kernel)
		return NULL;
	kernel->event = event;
	kernel->handlers = *handlers;
	kernel->lock_fd = -1;
	kernel->ticks.program_fd = -1;
	kernel->object = strdup(conf->object);
	kernel->pins = strdup(conf->pins);
	kernel->claims_stale = true;
	maps_init(&kernel->maps);
	tables_init(kernel);
	flow_tables_init(kernel);
	source_ports_init(kernel);
	if (!kernel->object || !kernel->pins)
		kernel_close(&kernel);
	return kernel;
}

/* The steps that say by themselves what went wrong. */
static int open_maps(struct kernel *kernel, char *why, size_t n)
{
	int r = pins_prepare(kernel->pins, why, n);

	if (r < 0)
		return r;
	kernel->lock_fd = pins_lock(kernel->pins, why, n);
	if (kernel->lock_fd < 0)
		return kernel->lock_fd;
	r = netlink_open(&kernel->netlink);
	/* The links first: which programs are attached decides whose maps are opened. */
	if (r == 0)
		r = links_refresh(kernel, false);
	if (r < 0) {
		snprintf(why, n, "asking rtnetlink for the interfaces: %s", strerror(-r));
		return r;
	}
	return adopt_maps(kernel, why, n);
}

static int open_rest(struct kernel *kernel, char *why, size_t n)
{
	static const struct {
		int (*open)(struct kernel *);
		const char *what;
	} parts[] = {
		{tables_adopt, "opening the tables of picks"},
		{records_open, "sharing the maps' memory"},
		{records_read, "reading the maps"},
		{flow_tables_adopt, "opening the flow table"},
		{source_ports_adopt, "opening the source ports"},
		{events_open, "opening the program's events"},
		{watch_open, "listening to netlink events"},
		{flows_open, "starting to count live flows"},
	};
	int r = ticks_open(&kernel->ticks);

	if (r < 0) {
		snprintf(why, n,
			 "loading the program that reads the kernel's clock: %s; CAP_BPF and CAP_NET_ADMIN are needed",
			 strerror(-r));
		return r;
	}
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		r = parts[i].open(kernel);
		if (r < 0) {
			snprintf(why, n, "%s: %s; musterd starts as root", parts[i].what, strerror(-r));
			return r;
		}
	}
	return links_refresh(kernel, false);
}

int kernel_open(struct kernel **out, const struct kernel_conf *conf, sd_event *event,
		const struct kernel_handlers *handlers, char *why, size_t n)
{
	_cleanup_(kernel_close) struct kernel *kernel = new_kernel(conf, event, handlers);
	int r;

	if (!kernel) {
		snprintf(why, n, "out of memory");
		return -ENOMEM;
	}
	object_quiet();
	why[0] = '\0';
	r = open_maps(kernel, why, n);
	if (r == 0)
		r = open_rest(kernel, why, n);
	if (r < 0) {
		if (!why[0])
			snprintf(why, n, "opening the maps in %s: %s", conf->pins, strerror(-r));
		return r;
	}
	*out = TAKE_PTR(kernel);
	return 0;
}

static struct attach_site site_of(struct kernel *kernel)
{
	return (struct attach_site){
		.object = kernel->object,
		.pins = kernel->pins,
		.maps = &kernel->maps,
		.programs = &kernel->programs,
	};
}

/* After a change of ours the interfaces are read again, so that the event of it is no news. */
static void take_notice(struct kernel *kernel)
{
	(void)links_refresh(kernel, false);
	claims_apply(kernel);
}

int kernel_attach(struct kernel *kernel, const char *ifname, enum attach_mode mode, struct attach_report *out)
{
	struct attach_site site = site_of(kernel);
	int r = attach_on(&site, ifname, mode, out);

	take_notice(kernel);
	if (r == 0)
		links_note(kernel, out);
	return r;
}

int kernel_detach(struct kernel *kernel, const char *ifname, struct attach_report *out)
{
	struct attach_site site = site_of(kernel);
	int r = detach_on(&site, ifname, out);

	take_notice(kernel);
	return r;
}

int kernel_upgrade(struct kernel *kernel, const char *object, struct attach_report *reports, size_t *n_reports,
		   char *why, size_t n)
{
	_cleanup_(freep) char *path = strdup(object ? object : kernel->object);
	struct attach_site site = site_of(kernel);
	int r;

	if (!path) {
		*n_reports = 0;
		snprintf(why, n, "out of memory");
		return -ENOMEM;
	}
	site.object = path;
	r = upgrade_all(&site, reports, n_reports, why, n);
	for (size_t i = 0; i < *n_reports && path; i++) {
		if (reports[i].error)
			continue;
		free(kernel->object);
		kernel->object = TAKE_PTR(path);
	}
	take_notice(kernel);
	return r;
}

static void describe(const struct link *link, struct attach_report *out)
{
	*out = (struct attach_report){
		.ifindex = link->ifindex,
		.program_id = link->program_id,
		.native = link->native,
		.frags = link->frags,
		.adopted = true,
		.wanted = link->wanted,
	};
	memcpy(out->ifname, link->name, sizeof(link->name));
	memcpy(out->version, link->version, sizeof(out->version));
	if (!link->up)
		attach_say(out, "%s mode, but the interface is down", attach_mode_name(link->native));
	else if (link->loss[0])
		attach_say(out, "%s", link->loss);
	else if (!link->native && link->wanted != ATTACH_GENERIC)
		attach_say(
			out,
			"generic mode, which costs several times the CPU time a packet; it was found so, and native is "
			"tried by: muster detach %s, and muster attach %s",
			link->name, link->name);
	else
		attach_say(out, "%s mode%s", attach_mode_name(link->native),
			   link->frags ? ", by the entry for jumbo frames" : "");
}

uint32_t kernel_other_program(struct kernel *kernel, const char *ifname)
{
	for (size_t i = 0; i < kernel->n_links; i++)
		if (!strcmp(kernel->links[i].name, ifname))
			return kernel->links[i].ours ? 0 : kernel->links[i].program_id;
	return 0;
}

size_t kernel_interfaces(struct kernel *kernel, struct attach_report *out, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < kernel->n_links; i++) {
		const struct link *link = &kernel->links[i];

		if (!link->ours)
			continue;
		if (found < n)
			describe(link, &out[found]);
		found++;
	}
	return found;
}
