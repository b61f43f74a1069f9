// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The program on an interface. It is attached by netlink, never by a bpf_link of this process: it must stay when the
 * agent dies. Nothing of somebody else's is ever replaced or taken off.
 */
#include "attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <stdarg.h>
#include <stdio.h>

#include "../log.h"
#include "hints.h"
#include "inside.h"
#include "object.h"
#include "pins.h"

void attach_say(struct attach_report *out, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(out->text, sizeof(out->text), format, ap);
	va_end(ap);
}

const char *attach_mode_name(bool native)
{
	return native ? "native" : "generic";
}

static const char *mode_word(bool native)
{
	return native ? "xdp" : "xdpgeneric"; /* as `ip link` says it */
}

int attach_look(const char *ifname, struct attach_report *out)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int r;

	memset(out, 0, sizeof(*out));
	snprintf(out->ifname, sizeof(out->ifname), "%s", ifname);
	out->ifindex = if_nametoindex(ifname);
	if (!out->ifindex) {
		attach_say(out, "there is no interface %s: `ip link` lists them", ifname);
		return -ENODEV;
	}
	r = bpf_xdp_query((int)out->ifindex, 0, &query);
	if (r < 0) {
		attach_say(out, "asking which program is on %s: %s", ifname, strerror(-r));
		return r;
	}
	out->native = query.drv_prog_id || (query.prog_id && !query.skb_prog_id);
	out->program_id = query.drv_prog_id ? query.drv_prog_id : query.skb_prog_id ? query.skb_prog_id : query.prog_id;
	return 0;
}

int attach_refuse(const struct attach_site *site, const struct program *program, struct attach_report *out)
{
	uint32_t id = out->program_id;

	out->program_id = 0;
	switch (program->owner) {
	case PROGRAM_OURS:
	case PROGRAM_PARTLY:
		out->program_id = id;
		out->frags = program_entry(program) == OBJECT_FRAGS;
		snprintf(out->version, sizeof(out->version), "%s", program->about.version);
		return 0;
	case PROGRAM_OTHER:
		attach_say(out,
			   "%s carries a Muster program (id %u) over other maps than those in %s: `ip link set dev %s "
			   "%s off` "
			   "first, or name their folder",
			   out->ifname, id, site->pins, out->ifname, mode_word(out->native));
		return -EPERM;
	case PROGRAM_HIDDEN:
		attach_say(
			out,
			"%s carries program id %u, which cannot be looked at without CAP_SYS_ADMIN: restart musterd to "
			"adopt it, "
			"or `ip link set dev %s %s off`",
			out->ifname, id, out->ifname, mode_word(out->native));
		return -EPERM;
	default:
		attach_say(
			out,
			"%s carries a foreign program (id %u, %s); it is left alone: `ip link set dev %s %s off` first",
			out->ifname, id, program->name, out->ifname, mode_word(out->native));
		return -EPERM;
	}
}

int attach_put(uint32_t ifindex, bool native, int fd, int old_fd)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = old_fd);
	uint32_t mode = native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;

	object_forget_reason();
	/* libbpf takes an old fd of 0 as none given. */
	return bpf_xdp_attach((int)ifindex, fd, mode | (old_fd > 0 ? XDP_FLAGS_REPLACE : XDP_FLAGS_UPDATE_IF_NOEXIST),
			      old_fd > 0 ? &opts : NULL);
}

int attach_remember(const struct attach_site *site, struct object_program *loaded, struct attach_report *out)
{
	out->frags = loaded->entry == OBJECT_FRAGS;
	snprintf(out->version, sizeof(out->version), "%s", loaded->about.version);
	return programs_add(site->programs, loaded, site->maps, &out->program_id);
}

int attach_load(const struct attach_site *site, enum object_entry entry, struct object_program *out, char *why,
		size_t n)
{
	char pin_why[512] = "";
	int r = programs_known(site->programs, object_print(site->object), entry, out);

	if (r < 0)
		r = object_load(site->object, site->pins, site->maps, entry, out, why, n);

	/* Pins that somebody removed are put back. */
	if (r == 0 && maps_pin(site->maps, site->pins, pin_why, sizeof(pin_why)) < 0)
		log_warning("%s; until then the next musterd cannot find this one's state", pin_why);
	return r;
}

/* The last refusal of an attach in words, with what to do. */
static const char *hint_of(int error, const char *ifname, char *buf, size_t n)
{
	struct attach_facts facts;

	(void)facts_read(ifname, &facts);
	return attach_hint(error, object_reason(), &facts, buf, n);
}

/* A program of ours is there: it stays, or gives way to a newer one without a packet lost in between. */
static int renew(const struct attach_site *site, const struct program *program, enum attach_mode mode,
		 struct attach_report *out)
{
	_cleanup_(object_program_close) struct object_program loaded = {.fd = -1};
	char why[512] = "", hint[384];
	int r;

	out->adopted = true;
	if ((mode == ATTACH_NATIVE && !out->native) || (mode == ATTACH_GENERIC && out->native)) {
		attach_say(
			out,
			"%s runs in %s mode and stays there: a change of mode is a moment without a program. `muster "
			"detach %s`, "
			"then attach it again",
			out->ifname, attach_mode_name(out->native), out->ifname);
		return -EEXIST;
	}
	if (program->dispatched) {
		attach_say(out, "%s mode, adopted behind libxdp's dispatcher; upgrades are made with xdp-loader",
			   attach_mode_name(out->native));
		return 0;
	}
	r = attach_load(site, program_entry(program), &loaded, why, sizeof(why));
	if (r < 0) {
		log_warning("the program on %s stays as it is: %s", out->ifname, why);
		attach_say(out, "%s mode, adopted as it was", attach_mode_name(out->native));
		return 0;
	}
	if (program_is_same(program, &loaded)) {
		attach_say(out, "%s mode, adopted: it was there already", attach_mode_name(out->native));
		return 0;
	}
	r = attach_put(out->ifindex, out->native, loaded.fd, program->fd);
	if (r < 0) {
		log_warning("replacing the program on %s: %s; the older one stays", out->ifname,
			    hint_of(r, out->ifname, hint, sizeof(hint)));
		attach_say(out, "%s mode, adopted as it was: it could not be replaced by this version's",
			   attach_mode_name(out->native));
		return 0;
	}
	out->adopted = false;
	if (program->owner == PROGRAM_OURS)
		attach_say(out, "%s mode, replaced by this version's program", attach_mode_name(out->native));
	else
		attach_say(out,
			   "%s mode, replaced by this version's program: the one that was there did not use our %s",
			   attach_mode_name(out->native), program_lacks(program, site->maps));
	return attach_remember(site, &loaded, out);
}

int attach_on(const struct attach_site *site, const char *ifname, enum attach_mode mode, struct attach_report *out)
{
	int r = attach_look(ifname, out);

	out->wanted = mode;
	if (r < 0)
		return r;
	if (out->program_id) {
		const struct program *program = programs_get(site->programs, out->program_id, site->maps);

		r = attach_refuse(site, program, out);
		return r < 0 ? r : renew(site, program, mode, out);
	}
	return attach_first(site, out);
}

int detach_on(const struct attach_site *site, const char *ifname, struct attach_report *out)
{
	const struct program *program;
	char hint[384];
	int r = attach_look(ifname, out);

	if (r < 0)
		return r;
	if (!out->program_id) {
		attach_say(out, "%s carries no XDP program", ifname);
		return 0;
	}
	program = programs_get(site->programs, out->program_id, site->maps);
	r = attach_refuse(site, program, out);
	if (r < 0)
		return r;
	if (program->dispatched) {
		attach_say(out, "the program on %s sits behind libxdp's dispatcher: `xdp-loader unload %s --all`",
			   ifname, ifname);
		return -EPERM;
	}
	r = attach_put(out->ifindex, out->native, -1, program->fd);
	if (r < 0) {
		attach_say(out, "taking the program off %s: %s", ifname, hint_of(r, ifname, hint, sizeof(hint)));
		return r;
	}
	attach_say(out, "program id %u taken off %s; packets for its services now reach the host itself",
		   out->program_id, ifname);
	out->program_id = 0;
	return 0;
}

int query_on(const struct attach_site *site, const char *ifname, struct attach_report *out)
{
	const struct program *program;
	int r = attach_look(ifname, out);

	if (r < 0)
		return r;
	if (!out->program_id) {
		attach_say(out, "no XDP program");
		return 0;
	}
	program = programs_get(site->programs, out->program_id, site->maps);
	r = attach_refuse(site, program, out);
	if (r < 0)
		return r;
	out->adopted = true;
	if (program->owner == PROGRAM_OURS)
		attach_say(out, "%s mode", attach_mode_name(out->native));
	else
		attach_say(out, "%s mode, but not over our %s: `muster attach %s` replaces it",
			   attach_mode_name(out->native), program_lacks(program, site->maps), ifname);
	return 0;
}
