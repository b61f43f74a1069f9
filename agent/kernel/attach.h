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
	bool adopted;        /* it was there already */
	enum attach_mode wanted;
	char text[256]; /* which mode it got and why; on failure what failed and what to do */
};

/* Loads `object` over the pins in `pins` and attaches it; 0, or -errno with out->text saying what to do. */
int attach_device(const char *object, const char *pins, const char *ifname, enum attach_mode mode,
		  struct attach_report *out);
/* Takes our program off; anything else there is refused (-EPERM). Nothing there: 0, text says so. */
int detach_device(const char *pins, const char *ifname, struct attach_report *out);
/* What is on the interface. */
int attach_query(const char *pins, const char *ifname, struct attach_report *out);

#endif
