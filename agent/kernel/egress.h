/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What around an interface would lose packets silently, said in words where it can be seen from here. */
#ifndef MUSTER_KERNEL_EGRESS_H
#define MUSTER_KERNEL_EGRESS_H

#include "../base.h"

/* Warns through the log; a packet that is lost later tells nobody why. */
void egress_check(const char *ifname);
bool egress_is_veth(const char *ifname);

#endif
