/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Putting the program on an interface and taking it away, with or without an agent running: the command line uses
 * this when no agent answers.
 */
#ifndef MUSTER_ATTACH_H
#define MUSTER_ATTACH_H

#include <net/if.h>

#include "../base.h"
#include "../config.h"

struct attach_report {
	char ifname[IF_NAMESIZE];
	uint32_t ifindex;
	uint32_t program_id; /* 0: none of ours */
	bool native;         /* driver mode; false: generic */
	bool frags;          /* the entry for frames that no page holds */
	bool adopted;        /* it was there already */
	int error;           /* of an upgrade: -errno of this interface, which kept the program it had */
	enum attach_mode wanted;
	char before[96];  /* of an upgrade that was made: the program that was there */
	char version[64]; /* of the program; "": it does not tell */
	char text[448];   /* which mode it got and why; on failure what failed and what to do */
};

/* Loads `object` over the pins in `pins` and attaches it; 0, or -errno with out->text saying what to do. */
int attach_device(const char *object, const char *pins, const char *ifname, enum attach_mode mode,
		  struct attach_report *out);
/* Takes our program off; anything else there is refused (-EPERM). Nothing there: 0, text says so. */
int detach_device(const char *pins, const char *ifname, struct attach_report *out);
/* What is on the interface. */
int attach_query(const char *pins, const char *ifname, struct attach_report *out);

/* What attaching there will do to the link, in one line for people, before it is done; "": nothing. */
void attach_warn(const char *ifname, enum attach_mode mode, char *buf, size_t n);

/*
 * Replaces the program on every interface that carries one of ours by the object's, over the same maps: each in one step,
 * with no moment without a program, in the mode and the entry that it has. Fills at most *n reports, one an interface, and
 * sets *n. 0 when all carry the object's program now; the -errno of the first that does not, with its reason in its report;
 * or an -errno with `why` and no report when nothing was touched: -EPROTO: the object is not for these maps.
 */
int upgrade_devices(const char *object, const char *pins, struct attach_report *reports, size_t *n_reports, char *why,
		    size_t n);

#endif
