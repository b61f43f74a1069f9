// SPDX-License-Identifier: GPL-2.0-or-later
/* Attach, detach and query with no agent running: the command line's own hands. */
#include "attach.h"

#include <stdio.h>

#include "inside.h"
#include "object.h"
#include "pins.h"

struct offline {
	struct maps maps;
	struct programs programs;
	struct attach_site site;
};

static void offline_close(struct offline *offline)
{
	programs_clear(&offline->programs);
	maps_close(&offline->maps);
}

static void offline_init(struct offline *offline, const char *object, const char *pins)
{
	object_quiet();
	*offline = (struct offline){0};
	maps_init(&offline->maps);
	offline->site = (struct attach_site){
		.object = object, .pins = pins, .maps = &offline->maps, .programs = &offline->programs};
}

static int fail(int r, const char *ifname, const char *why, struct attach_report *out)
{
	*out = (struct attach_report){0};
	snprintf(out->ifname, sizeof(out->ifname), "%s", ifname);
	snprintf(out->text, sizeof(out->text), "%s", why[0] ? why : strerror(-r));
	return r;
}

/* The maps as they are pinned; where there are none yet, the object makes them. */
static int open_or_make(struct offline *offline, char *why, size_t n)
{
	int r = pins_prepare(offline->site.pins, why, n);

	if (r == 0)
		r = maps_open_pinned(&offline->maps, offline->site.pins, why, n);
	if (r == -ENOENT || r == -ENODATA) {
		_cleanup_(object_program_close) struct object_program program = {.fd = -1};

		maps_close(&offline->maps);
		r = object_load(offline->site.object, offline->site.pins, NULL, OBJECT_PLAIN, &program, why, n);
		if (r == 0)
			r = maps_open_pinned(&offline->maps, offline->site.pins, why, n);
	}
	return r < 0 ? r : maps_check_abi(&offline->maps, offline->site.pins, why, n);
}

int attach_device(const char *object, const char *pins, const char *ifname, enum attach_mode mode,
		  struct attach_report *out)
{
	_cleanup_(offline_close) struct offline offline;
	char why[512] = "";
	int r;

	offline_init(&offline, object, pins);
	r = open_or_make(&offline, why, sizeof(why));
	if (r < 0)
		return fail(r, ifname, why, out);
	return attach_on(&offline.site, ifname, mode, out);
}

/* With no pins there are no maps of ours; what is on the interface is told all the same. */
static void open_if_there(struct offline *offline)
{
	char why[512];

	if (maps_open_pinned(&offline->maps, offline->site.pins, why, sizeof(why)) < 0) {
		maps_close(&offline->maps);
		maps_init(&offline->maps);
	}
}

int detach_device(const char *pins, const char *ifname, struct attach_report *out)
{
	_cleanup_(offline_close) struct offline offline;
	struct netlink netlink = {0};
	int r;

	offline_init(&offline, NULL, pins);
	open_if_there(&offline);
	r = detach_on(&offline.site, ifname, out);
	if (r < 0)
		return r;
	/* An address that the agent claimed would now draw packets to a host that has nobody to answer them. */
	r = netlink_open(&netlink);
	if (r == 0)
		r = claims_take_back(&netlink, out->ifindex);
	netlink_close(&netlink);
	if (r < 0)
		snprintf(out->text, sizeof(out->text),
			 "the program was taken off %s, but taking back service addresses failed: %s; see `ip addr "
			 "show dev "
			 "%s`",
			 ifname, strerror(-r), ifname);
	return r;
}

int attach_query(const char *pins, const char *ifname, struct attach_report *out)
{
	_cleanup_(offline_close) struct offline offline;

	offline_init(&offline, NULL, pins);
	open_if_there(&offline);
	return query_on(&offline.site, ifname, out);
}

int upgrade_devices(const char *object, const char *pins, struct attach_report *reports, size_t *n_reports, char *why,
		    size_t n)
{
	_cleanup_(offline_close) struct offline offline;
	size_t most = *n_reports;
	int r;

	offline_init(&offline, object, pins);
	why[0] = '\0';
	*n_reports = 0;
	r = maps_open_pinned(&offline.maps, pins, why, n);
	if (r < 0)
		return r;
	*n_reports = most;
	return upgrade_all(&offline.site, reports, n_reports, why, n);
}
