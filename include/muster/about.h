/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a program says of itself: in the object for who loads it, and in a map of its own for who meets it. */
#ifndef MUSTER_ABOUT_H
#define MUSTER_ABOUT_H

#include <linux/types.h>

/* The section of the object; libbpf makes a read-only map of that name from it, which every program of the load holds. */
#define MUSTER_ABOUT ".rodata.about"

struct muster_about {
	__u32 abi; /* MUSTER_ABI of its maps */
	char version[52];
	__u64 print; /* of the object's bytes, set by who loads it: a program of the same object need not be loaded; 0: none */
};
_Static_assert(sizeof(struct muster_about) == 64, "muster_about is ABI");

#endif
