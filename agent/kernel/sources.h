/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server's source addresses, to which its flows refer by their index. Pure. */
#ifndef MUSTER_KERNEL_SOURCES_H
#define MUSTER_KERNEL_SOURCES_H

#include <muster/maps.h>

#include "../base.h"

/*
 * Puts the sources that `record` wants at the indices at which they stand `now`. True when an index that is in use now gets
 * another address, or none: the flows behind it are wrong from then on, and the generation has to be raised.
 */
bool sources_settle(const struct muster_server *now, struct muster_server *record);

#endif
