// SPDX-License-Identifier: GPL-2.0-or-later
/* An interface that carries nothing yet: which mode and which entry its driver takes, and what is lost where it is not native. */
#include "attach.h"

#include <bpf/libbpf.h>
#include <stdio.h>

#include "../log.h"
#include "egress.h"
#include "hints.h"
#include "inside.h"

/* Native mode, by the plain entry or, where the MTU asks for it, the one that takes frames in pieces. */
static int put_native(const struct attach_site *site, const struct attach_facts *facts, struct object_program *loaded,
		      struct attach_report *out, char *hint, size_t n)
{
	bool large = facts->mtu > ATTACH_PAGE_MTU;
	int r = attach_load(site, large ? OBJECT_FRAGS : OBJECT_PLAIN, loaded, hint, n);

	if (r < 0)
		return r;
	r = attach_put(out->ifindex, true, loaded->fd, -1);
	if (r < 0)
		attach_hint(r, object_reason(), facts, hint, n);
	if (r == 0 || large || attach_refusal(r, object_reason(), facts) != REFUSAL_MTU)
		return r;
	/* What is refused for its MTU alone may pass in pieces; its own refusal then tells the rest. */
	_cleanup_(object_program_close) struct object_program frags = {.fd = -1};
	char why[512];

	if (attach_load(site, OBJECT_FRAGS, &frags, why, sizeof(why)) < 0)
		return r;
	r = attach_put(out->ifindex, true, frags.fd, -1);
	if (r < 0) {
		attach_hint(r, object_reason(), facts, hint, n);
		return r;
	}
	object_program_close(loaded);
	*loaded = frags;
	frags.fd = -1;
	return 0;
}

/* The kernel puts any frame in one piece for a generic program: the plain entry will do. */
static int put_generic(const struct attach_site *site, const struct attach_facts *facts, struct object_program *loaded,
		       struct attach_report *out, char *hint, size_t n)
{
	int r = 0;

	if (loaded->fd < 0 || loaded->entry != OBJECT_PLAIN) {
		object_program_close(loaded);
		r = attach_load(site, OBJECT_PLAIN, loaded, hint, n);
	}
	if (r < 0)
		return r;
	r = attach_put(out->ifindex, false, loaded->fd, -1);
	if (r < 0)
		attach_hint(r, object_reason(), facts, hint, n);
	return r;
}

static void say_attached(const struct attach_facts *facts, const char *refused, struct attach_report *out)
{
	if (refused[0])
		attach_say(out,
			   "generic mode, which costs several times the CPU time a packet, for native was refused: %s; "
			   "to have "
			   "it then: muster detach %s, and muster attach %s",
			   refused, out->ifname, out->ifname);
	else
		attach_say(out, "%s mode%s%s", attach_mode_name(out->native),
			   out->wanted == ATTACH_AUTO ? ": the driver has it" : ", as asked",
			   out->frags ? ", by the entry for jumbo frames" : "");
	if (out->frags && out->text[0]) {
		size_t used = strlen(out->text);

		snprintf(out->text + used, sizeof(out->text) - used, " (MTU %u)", facts->mtu);
	}
}

static int attach_new(const struct attach_site *site, const struct attach_facts *facts, struct attach_report *out)
{
	_cleanup_(object_program_close) struct object_program loaded = {.fd = -1};
	char hint[512] = "", refused[384] = "", warning[192];
	int r;

	out->native = out->wanted != ATTACH_GENERIC;
	if (out->native && attach_warning(facts, warning, sizeof(warning))[0])
		log_warning("%s", warning);
	r = out->native ? put_native(site, facts, &loaded, out, hint, sizeof(hint))
			: put_generic(site, facts, &loaded, out, hint, sizeof(hint));
	/* What could not be loaded cannot run in another mode either. */
	if (r < 0 && out->wanted == ATTACH_AUTO && r != -EPERM && loaded.fd >= 0) {
		snprintf(refused, sizeof(refused), "%s", hint);
		out->native = false;
		r = put_generic(site, facts, &loaded, out, hint, sizeof(hint));
	}
	if (r < 0) {
		if (loaded.fd < 0)
			attach_say(out, "%s", hint);
		else
			attach_say(out, "attaching to %s in %s mode: %s", out->ifname, attach_mode_name(out->native),
				   hint);
		out->native = false;
		return r;
	}
	r = attach_remember(site, &loaded, out);
	say_attached(facts, refused, out);
	return r;
}

int attach_first(const struct attach_site *site, struct attach_report *out)
{
	struct attach_facts facts;
	char text[384];
	int r = facts_read(out->ifname, &facts);

	if (r < 0)
		log_debug("asking for the settings of %s: %s", out->ifname, strerror(-r));
	if (r == 0 && attach_misplaced(&facts, text, sizeof(text))[0]) {
		attach_say(out, "%s", text);
		return -EOPNOTSUPP;
	}
	r = attach_new(site, &facts, out);
	if (r < 0)
		return r;
	if (attach_trap(&facts, text, sizeof(text))[0])
		log_warning("%s", text);
	egress_check(out->ifname);
	return 0;
}

void attach_warn(const char *ifname, enum attach_mode mode, char *buf, size_t n)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct attach_facts facts;
	int ifindex = (int)if_nametoindex(ifname);

	buf[0] = '\0';
	object_quiet();
	/* A program that takes the place of another one disturbs nothing. */
	if (mode == ATTACH_GENERIC || !ifindex || bpf_xdp_query(ifindex, 0, &query) < 0 || query.drv_prog_id ||
	    facts_read(ifname, &facts) < 0)
		return;
	attach_warning(&facts, buf, n);
}
