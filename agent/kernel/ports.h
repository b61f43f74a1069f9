/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Source ports for fullnat: what the host does not hand out itself. */
#ifndef MUSTER_KERNEL_PORTS_H
#define MUSTER_KERNEL_PORTS_H

#include <muster/maps.h>

#include "../base.h"

/* The two ranges above 1023 outside "first last" (net.ipv4.ip_local_port_range); a count may be 0. -EINVAL. */
int ports_outside(const char *sysctl, struct muster_port_range out[2]);
/* The same for this host. */
int ports_of_host(struct muster_port_range out[2]);

#endif
