/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The source ports toward one server, in the memory that the agent shares with the program (muster/ports.h draws the
 * layout; bpf/ports.h is the other side). Plain memory and atomic operations: no I/O.
 */
#ifndef MUSTER_KERNEL_PORT_RING_H
#define MUSTER_KERNEL_PORT_RING_H

#include <muster/ports.h>

#include "../base.h"

#define PORT_RING_NONE UINT32_MAX

/* Which ports there are: `sources` addresses of per_source ports each. */
struct port_ring_shape {
	struct muster_port_range range[2];
	uint32_t sources;
};

uint32_t port_ring_numbers(const struct port_ring_shape *shape);
/* Lines of a map for n numbers. */
uint32_t port_ring_lines(uint32_t n);
/* Whether the lines (n_lines of them) are of that shape. */
bool port_ring_fits(const struct muster_ports_line *lines, uint32_t n_lines, const struct port_ring_shape *shape);

/*
 * Fills zeroed lines: every number is held, and the ring is empty, so that nobody gets one until it is known which are in
 * use. Then port_ring_hand_out() gives the others out.
 */
void port_ring_init(struct muster_ports_line *lines, const struct port_ring_shape *shape, uint32_t early);
/*
 * `held` and `ringed` are bits by number: those that a flow holds, and of these those that belong into the ring all the
 * same (the entry's mark says so). All others become free.
 */
void port_ring_hand_out(struct muster_ports_line *lines, const uint32_t *held, const uint32_t *ringed);

/* The entry of a closing flow still has the port, which is free: whoever gets it next ends that flow. */
void port_ring_linger(struct muster_ports_line *lines, uint32_t n);

/* The number of a port; PORT_RING_NONE: it is none of these. */
uint32_t port_ring_number(const struct muster_ports_line *lines, uint32_t source, uint16_t port);
/*
 * A flow has ended: its entry is gone, and its port comes back as in the program. `closed`: the flow was closing, and had
 * given it back; `ringed`: the ring has it already.
 */
void port_ring_end(struct muster_ports_line *lines, uint32_t source, uint16_t port, bool closed, bool ringed);

uint32_t port_ring_size(const struct muster_ports_line *lines);
/* Numbers that wait in the ring. */
uint32_t port_ring_waiting(const struct muster_ports_line *lines);
/* Ports that another client got within the closing timeout. */
uint32_t port_ring_early(const struct muster_ports_line *lines);

#endif
