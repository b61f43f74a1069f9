/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the maps hold, with no agent running: for those who watch it. */
#ifndef MUSTER_KERNEL_LOOK_H
#define MUSTER_KERNEL_LOOK_H

#include "kernel.h"

/*
 * The maps pinned in `pins`, as kernel_snapshot() of the agent would have them; to be freed by kernel_snapshot_free().
 * Needs CAP_SYS_ADMIN. -errno with `why` (size n); -ENOENT: there are none.
 */
int kernel_look(const char *pins, struct kernel_snapshot **out, char *why, size_t n);

#endif
