/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a driver refused a program, and what to do about it. Pure. */
#ifndef MUSTER_KERNEL_HINTS_H
#define MUSTER_KERNEL_HINTS_H

#include "../base.h"

/* error: -errno of the attach; reason: the kernel's own sentence, or "". One line into buf, which is returned. */
const char *attach_hint(int error, const char *reason, const char *ifname, char *buf, size_t n);

#endif
