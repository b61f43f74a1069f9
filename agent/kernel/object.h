/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loading muster.bpf.o over the pinned maps, and libbpf's voice. */
#ifndef MUSTER_KERNEL_OBJECT_H
#define MUSTER_KERNEL_OBJECT_H

#include "maps.h"

/*
 * Loads the object over the maps that are open in `maps` (NULL: none is), whatever is pinned; the others are taken from,
 * or pinned in, `pins`. The XDP program of section "xdp" is given back as an fd; nothing is attached. -errno with `why`
 * on failure.
 */
int object_load(const char *object, const char *pins, const struct maps *maps, int *program_fd, char *why, size_t n);

/* Sends libbpf's lines to the debug log from now on. Called by everything that enters this folder. */
void object_quiet(void);
/* Forgets, and tells, the last sentence that the kernel gave with a refused request ("" when none). */
void object_forget_reason(void);
const char *object_reason(void);

#endif
