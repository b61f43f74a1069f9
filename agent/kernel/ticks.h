/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program's clock, read from user space. A tick is a jiffy cut to 32 bits (muster/maps.h). */
#ifndef MUSTER_KERNEL_TICKS_H
#define MUSTER_KERNEL_TICKS_H

#include "../base.h"

struct ticks {
	int program_fd;
	uint32_t per_s;
};

int ticks_open(struct ticks *ticks);
void ticks_close(struct ticks *ticks);
uint32_t ticks_now(const struct ticks *ticks);

/* Milliseconds to ticks, rounded up, at least one unless ms is 0. */
uint32_t ticks_from_ms(uint32_t ms, uint32_t per_s);
/* Milliseconds to beats (muster/flow.h), likewise; at most what an age can be told by. */
uint32_t beats_from_ms(uint32_t ms, uint32_t per_s);
/* The kernel's HZ from the resolution of its coarse clock. */
uint32_t ticks_per_s(long resolution_ns);

#endif
