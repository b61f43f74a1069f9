/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The source ports toward one server, in fullnat: an inner map of muster_ports, by server index, made by the agent. Number
 * n stands for port n % per_source of source n / per_source. The map's lines, of 64 bytes:
 *
 *   0                 struct muster_ports
 *   1                 struct muster_ports_tail
 *   2                 states: 32 numbers a word, the lower half "held by a flow", the upper half "lingers": a closed flow's
 *                     entry still stands
 *   2 + state_lines   the ring of ports given back, in that order: least recently used first. A bounded queue with a sequence
 *                     number a cell (D. Vyukov's), the number and its sequence in one word: sequence << 32 | n. A cell that
 *                     is to be written at turn t has sequence t, one that is to be read at turn t has t + 1.
 *
 * A port that a flow holds may stand in the ring all the same (the entry's mark says so): whoever takes it from there puts it
 * back at the end.
 */
#ifndef MUSTER_PORTS_H
#define MUSTER_PORTS_H

#include <linux/types.h>
#include <muster/maps.h>

#define MUSTER_PORTS_A_WORD 32
#define MUSTER_PORTS_WORDS  8 /* words of a line */

struct muster_ports_line {
	__u64 word[MUSTER_PORTS_WORDS];
};
_Static_assert(sizeof(struct muster_ports_line) == 64, "a line is a cache line");

struct muster_ports {
	__u64 head;       /* turn of the next cell to read; by the program, atomically */
	__u32 n;          /* how many numbers there are */
	__u32 per_source; /* ports of one source address */
	__u32 state_lines;
	struct muster_port_range range[2];
	__u32 early; /* ports that another client got within the closing timeout, since the map was made; atomically */
	__u32 zero[8];
};
_Static_assert(sizeof(struct muster_ports) == 64, "muster_ports is ABI");

struct muster_ports_tail {
	__u64 tail; /* turn of the next cell to write; by the program, atomically */
	__u64 zero[7];
};
_Static_assert(sizeof(struct muster_ports_tail) == 64, "muster_ports_tail is ABI");

#define MUSTER_PORTS_STATES 2 /* the first line of states */

#endif
