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
#include "egress.h"
#include "hints.h"
#include "inside.h"
#include "object.h"
#include "pins.h"

static _printf_(2, 3) void say(struct attach_report *out, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(out->text, sizeof(out->text), format, ap);
	va_end(ap);
}

static const char *mode_name(bool native)
{
	return native ? "native" : "generic";
}

static uint32_t mode_flag(bool native)
{
	return native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
}

static const char *mode_word(bool native)
{
	return native ? "xdp" : "xdpgeneric"; /* as `ip link` says it */
}

/* What is on the interface: id 0 for nothing. */
static int look(const char *ifname, struct attach_report *out)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int r;

	memset(out, 0, sizeof(*out));
	snprintf(out->ifname, sizeof(out->ifname), "%s", ifname);
	out->ifindex = if_nametoindex(ifname);
	if (!out->ifindex) {
		say(out, "there is no interface %s: `ip link` lists them", ifname);
		return -ENODEV;
	}
	r = bpf_xdp_query((int)out->ifindex, 0, &query);
	if (r < 0) {
		say(out, "asking which program is on %s: %s", ifname, strerror(-r));
		return r;
	}
	out->native = query.drv_prog_id || (query.prog_id && !query.skb_prog_id);
	out->program_id = query.drv_prog_id ? query.drv_prog_id : query.skb_prog_id ? query.skb_prog_id : query.prog_id;
	return 0;
}

/* Says whose program it is when it is not ours: -EPERM. */
static int refuse(const struct attach_site *site, const struct program *program, struct attach_report *out)
{
	uint32_t id = out->program_id;

	out->program_id = 0;
	switch (program->owner) {
	case PROGRAM_OURS:
	case PROGRAM_PARTLY:
		out->program_id = id;
		return 0;
	case PROGRAM_OTHER:
		say(out,
		    "%s carries a Muster program (id %u) over other maps than those in %s: `ip link set dev %s %s off` "
		    "first, or name their folder",
		    out->ifname, id, site->pins, out->ifname, mode_word(out->native));
		return -EPERM;
	case PROGRAM_HIDDEN:
		say(out,
		    "%s carries program id %u, which cannot be looked at without CAP_SYS_ADMIN: restart musterd to "
		    "adopt it, "
		    "or `ip link set dev %s %s off`",
		    out->ifname, id, out->ifname, mode_word(out->native));
		return -EPERM;
	default:
		say(out,
		    "%s carries a foreign program (id %u, %s); it is left alone: `ip link set dev %s %s off` first",
		    out->ifname, id, program->name, out->ifname, mode_word(out->native));
		return -EPERM;
	}
}

static int put(uint32_t ifindex, int fd, uint32_t flags, int old_fd)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = old_fd);

	object_forget_reason();
	/* libbpf takes an old fd of 0 as none given. */
	return bpf_xdp_attach((int)ifindex, fd,
			      old_fd > 0 ? flags | XDP_FLAGS_REPLACE : flags | XDP_FLAGS_UPDATE_IF_NOEXIST,
			      old_fd > 0 ? &opts : NULL);
}

/* Remembers the program now in place: its fd moves in. */
static int remember(const struct attach_site *site, int *fd, struct attach_report *out)
{
	return programs_add(site->programs, TAKE_FD(*fd), site->maps, &out->program_id);
}

/* Loads the program over the maps in use, and puts back pins that somebody removed. */
static int load(const struct attach_site *site, int *fd, char *why, size_t n)
{
	char pin_why[512] = "";
	int r = object_load(site->object, site->pins, site->maps, fd, why, n);

	if (r == 0 && maps_pin(site->maps, site->pins, pin_why, sizeof(pin_why)) < 0)
		log_warning("%s; until then the next musterd cannot find this one's state", pin_why);
	return r;
}

static bool same_code(int fd, const struct program *program)
{
	struct bpf_prog_info info = {0};
	__u32 length = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &length) == 0 && memcmp(info.tag, program->tag, sizeof(info.tag)) == 0;
}

/* A program of ours is there: it stays, or gives way to a newer one without a packet lost in between. */
static int renew(const struct attach_site *site, const struct program *program, enum attach_mode mode,
		 struct attach_report *out)
{
	char why[512] = "", hint[192];
	_cleanup_(closep) int fd = -1;
	int r;

	out->adopted = true;
	if ((mode == ATTACH_NATIVE && !out->native) || (mode == ATTACH_GENERIC && out->native)) {
		say(out,
		    "%s runs in %s mode and stays there: a change of mode is a moment without a program. `muster "
		    "detach %s`, "
		    "then attach it again",
		    out->ifname, mode_name(out->native), out->ifname);
		return -EEXIST;
	}
	if (program->dispatched) {
		say(out, "%s mode, adopted behind libxdp's dispatcher; upgrades are made with xdp-loader",
		    mode_name(out->native));
		return 0;
	}
	r = load(site, &fd, why, sizeof(why));
	if (r < 0) {
		log_warning("the program on %s stays as it is: %s", out->ifname, why);
		say(out, "%s mode, adopted as it was", mode_name(out->native));
		return 0;
	}
	if (program->owner == PROGRAM_OURS && same_code(fd, program)) {
		say(out, "%s mode, adopted: it was there already", mode_name(out->native));
		return 0;
	}
	r = put(out->ifindex, fd, mode_flag(out->native), program->fd);
	if (r < 0) {
		log_warning("replacing the program on %s: %s; the older one stays", out->ifname,
			    attach_hint(r, object_reason(), out->ifname, hint, sizeof(hint)));
		say(out, "%s mode, adopted as it was: it could not be replaced by this version's",
		    mode_name(out->native));
		return 0;
	}
	out->adopted = false;
	if (program->owner == PROGRAM_OURS)
		say(out, "%s mode, replaced by this version's program", mode_name(out->native));
	else
		say(out, "%s mode, replaced by this version's program: the one that was there did not use our %s",
		    mode_name(out->native), program_lacks(program, site->maps));
	return remember(site, &fd, out);
}

static int attach_new(const struct attach_site *site, enum attach_mode mode, struct attach_report *out)
{
	char why[512] = "", hint[160] = "";
	_cleanup_(closep) int fd = -1;
	int r = load(site, &fd, why, sizeof(why));

	if (r < 0) {
		say(out, "%s", why);
		return r;
	}
	out->native = mode != ATTACH_GENERIC;
	r = put(out->ifindex, fd, mode_flag(out->native), -1);
	if (r < 0)
		attach_hint(r, object_reason(), out->ifname, hint, sizeof(hint));
	if (r < 0 && mode == ATTACH_AUTO && r != -EPERM) {
		out->native = false;
		r = put(out->ifindex, fd, XDP_FLAGS_SKB_MODE, -1);
		if (r == 0)
			say(out, "generic mode, several times slower than native, for native was refused: %s", hint);
		else
			attach_hint(r, object_reason(), out->ifname, hint, sizeof(hint));
	} else if (r == 0) {
		say(out, "%s mode%s", mode_name(out->native),
		    mode == ATTACH_AUTO ? ": the driver has it" : ", as asked");
	}
	if (r < 0) {
		say(out, "attaching to %s in %s mode: %s", out->ifname, mode_name(out->native), hint);
		out->native = false;
		return r;
	}
	return remember(site, &fd, out);
}

int attach_on(const struct attach_site *site, const char *ifname, enum attach_mode mode, struct attach_report *out)
{
	int r = look(ifname, out);

	out->wanted = mode;
	if (r < 0)
		return r;
	if (out->program_id) {
		const struct program *program = programs_get(site->programs, out->program_id, site->maps);

		r = refuse(site, program, out);
		return r < 0 ? r : renew(site, program, mode, out);
	}
	r = attach_new(site, mode, out);
	if (r == 0)
		egress_check(ifname);
	return r;
}

int detach_on(const struct attach_site *site, const char *ifname, struct attach_report *out)
{
	const struct program *program;
	char hint[160];
	int r = look(ifname, out);

	if (r < 0)
		return r;
	if (!out->program_id) {
		say(out, "%s carries no XDP program", ifname);
		return 0;
	}
	program = programs_get(site->programs, out->program_id, site->maps);
	r = refuse(site, program, out);
	if (r < 0)
		return r;
	if (program->dispatched) {
		say(out, "the program on %s sits behind libxdp's dispatcher: `xdp-loader unload %s --all`", ifname,
		    ifname);
		return -EPERM;
	}
	r = put(out->ifindex, -1, mode_flag(out->native), program->fd);
	if (r < 0) {
		say(out, "taking the program off %s: %s", ifname,
		    attach_hint(r, object_reason(), ifname, hint, sizeof(hint)));
		return r;
	}
	say(out, "program id %u taken off %s; packets for its services now reach the host itself", out->program_id,
	    ifname);
	out->program_id = 0;
	return 0;
}

int query_on(const struct attach_site *site, const char *ifname, struct attach_report *out)
{
	const struct program *program;
	int r = look(ifname, out);

	if (r < 0)
		return r;
	if (!out->program_id) {
		say(out, "no XDP program");
		return 0;
	}
	program = programs_get(site->programs, out->program_id, site->maps);
	r = refuse(site, program, out);
	if (r < 0)
		return r;
	out->adopted = true;
	if (program->owner == PROGRAM_OURS)
		say(out, "%s mode", mode_name(out->native));
	else
		say(out, "%s mode, but not over our %s: `muster attach %s` replaces it", mode_name(out->native),
		    program_lacks(program, site->maps), ifname);
	return 0;
}
