// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A new program version in the place of the old one, on every interface that carries ours. Everything that can fail for all
 * of them (reading, checking, loading) is done before the first is touched; each is then one atomic exchange, so that one
 * that fails still carries the program that it had.
 */
#include "attach.h"

#include <bpf/bpf.h>
#include <net/if.h>
#include <stdio.h>

#include "hints.h"
#include "inside.h"

struct upgrade {
	const struct attach_site *site;
	struct attach_report *reports;
	size_t n;
	struct object_program loaded[OBJECT_ENTRIES];
};

static void close_loaded(struct upgrade *upgrade)
{
	for (int i = 0; i < OBJECT_ENTRIES; i++)
		object_program_close(&upgrade->loaded[i]);
}

/* Takes up an interface with a program of ours, or one that may be; error is set where it must stay as it is. */
static void take_up(struct upgrade *upgrade, const char *ifname, size_t most)
{
	struct attach_report *report = &upgrade->reports[upgrade->n];
	const struct program *program;

	if (upgrade->n == most || attach_look(ifname, report) < 0 || !report->program_id)
		return;
	program = programs_get(upgrade->site->programs, report->program_id, upgrade->site->maps);
	if (program->owner == PROGRAM_FOREIGN)
		return;
	upgrade->n++;
	report->error = attach_refuse(upgrade->site, program, report);
	if (report->error == 0 && program->dispatched) {
		report->error = -EPERM;
		attach_say(report,
			   "%s runs the program behind libxdp's dispatcher, which alone can replace it: xdp-loader "
			   "unload %s --all, then xdp-loader load with the new object",
			   ifname, ifname);
	}
}

static int find_interfaces(struct upgrade *upgrade, size_t most)
{
	struct if_nameindex *names = if_nameindex();

	if (!names)
		return -errno;
	for (struct if_nameindex *name = names; name->if_index; name++)
		take_up(upgrade, name->if_name, most);
	if_freenameindex(names);
	return 0;
}

static int load_entries(struct upgrade *upgrade, char *why, size_t n)
{
	for (size_t i = 0; i < upgrade->n; i++) {
		enum object_entry entry = upgrade->reports[i].frags ? OBJECT_FRAGS : OBJECT_PLAIN;
		int r = 0;

		if (upgrade->reports[i].error == 0 && upgrade->loaded[entry].fd < 0)
			r = attach_load(upgrade->site, entry, &upgrade->loaded[entry], why, n);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The fd of the bpf_link that holds the program on the interface; -ENOENT: none does. Needs CAP_SYS_ADMIN. */
static int link_of(uint32_t ifindex, uint32_t program_id)
{
	uint32_t id = 0;

	while (bpf_link_get_next_id(id, &id) == 0) {
		struct bpf_link_info info = {0};
		__u32 length = sizeof(info);
		_cleanup_(closep) int fd = bpf_link_get_fd_by_id(id);

		if (fd < 0 && errno == EPERM)
			return -EPERM;
		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &length) == 0 && info.type == BPF_LINK_TYPE_XDP &&
		    info.xdp.ifindex == ifindex && info.prog_id == program_id)
			return TAKE_FD(fd);
	}
	return -ENOENT;
}

/* Netlink does not replace what a bpf_link holds; the link itself does, and as atomically. */
static int replace_in_link(const struct attach_report *report, int fd, int old_fd)
{
	LIBBPF_OPTS(bpf_link_update_opts, opts, .flags = BPF_F_REPLACE, .old_prog_fd = old_fd);
	_cleanup_(closep) int link = link_of(report->ifindex, report->program_id);

	if (link < 0)
		return link;
	return bpf_link_update(link, fd, &opts) < 0 ? -errno : 0;
}

static int replace(const struct attach_report *report, int fd, int old_fd)
{
	int r = attach_put(report->ifindex, report->native, fd, old_fd);
	int in_link = r < 0 ? replace_in_link(report, fd, old_fd) : -ENOENT;

	return r < 0 && in_link != -ENOENT ? in_link : r;
}

static const char *version_or(const char *version, const char *unknown)
{
	return version[0] ? version : unknown;
}

static void say_failed(int error, struct attach_report *report)
{
	struct attach_facts facts;
	char hint[384];

	(void)facts_read(report->ifname, &facts);
	attach_hint(error, object_reason(), &facts, hint, sizeof(hint));
	attach_say(report, "%s keeps program id %u, for replacing it failed: %s", report->ifname, report->program_id,
		   hint);
	report->error = error;
}

static void upgrade_one(struct upgrade *upgrade, struct attach_report *report)
{
	struct object_program *loaded = &upgrade->loaded[report->frags ? OBJECT_FRAGS : OBJECT_PLAIN];
	const struct program *old = programs_get(upgrade->site->programs, report->program_id, upgrade->site->maps);
	struct object_program mine = *loaded;
	int r;

	if (program_is_same(old, loaded)) {
		report->adopted = true;
		attach_say(report, "version %s was there already", version_or(report->version, "of the same code"));
		return;
	}
	mine.fd = dup(loaded->fd);
	r = mine.fd < 0 ? -errno : replace(report, loaded->fd, old->fd);
	if (r < 0) {
		object_program_close(&mine);
		say_failed(r, report);
		return;
	}
	snprintf(report->before, sizeof(report->before), "version %s (id %u)", version_or(report->version, "unknown"),
		 report->program_id);
	report->error = attach_remember(upgrade->site, &mine, report);
	attach_say(report, "version %s (id %u), %s mode%s", version_or(report->version, "unknown"), report->program_id,
		   attach_mode_name(report->native), report->frags ? ", by the entry for jumbo frames" : "");
}

int upgrade_all(const struct attach_site *site, struct attach_report *reports, size_t *n_reports, char *why, size_t n)
{
	_cleanup_(close_loaded) struct upgrade upgrade = {
		.site = site, .reports = reports, .loaded = {{.fd = -1}, {.fd = -1}}};
	int r = find_interfaces(&upgrade, *n_reports);

	*n_reports = 0;
	why[0] = '\0';
	if (r == 0 && upgrade.n == 0) {
		snprintf(why, n, "no interface carries a program of Muster's: muster attach DEV");
		return -ENOENT;
	}
	if (r == 0)
		r = load_entries(&upgrade, why, n);
	if (r < 0) {
		if (!why[0])
			snprintf(why, n, "listing the interfaces: %s", strerror(-r));
		return r;
	}
	for (size_t i = 0; i < upgrade.n; i++) {
		if (reports[i].error == 0)
			upgrade_one(&upgrade, &reports[i]);
		r = r < 0 ? r : reports[i].error;
	}
	*n_reports = upgrade.n;
	return r;
}
