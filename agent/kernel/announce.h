/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling the segment where an address lives now: gratuitous ARP (RFC 5227), unsolicited neighbour advertisement (RFC 4861). */
#ifndef MUSTER_KERNEL_ANNOUNCE_H
#define MUSTER_KERNEL_ANNOUNCE_H

#include <muster/maps.h>

#include "../base.h"

#define ANNOUNCE_FRAME_SIZE 128

/* Writes the frame (ANNOUNCE_FRAME_SIZE bytes of room), returns its length. */
size_t announce_frame(const uint8_t mac[6], const struct muster_addr *addr, uint8_t *frame);
/* Sends it out of the interface; needs CAP_NET_RAW. */
int announce(uint32_t ifindex, const uint8_t mac[6], const struct muster_addr *addr);

#endif
