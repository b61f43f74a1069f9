/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent's two clocks, read at the border (loop callbacks) and handed on as parameters; policy code never
 * reads one.
 *  now_ms   CLOCK_BOOTTIME, milliseconds: ages, timers, leases of this boot. Counts through suspend.
 *  wall_ms  CLOCK_REALTIME, milliseconds since 1970: what people read, and leases after a reboot.
 */
#ifndef MUSTER_CLOCK_H
#define MUSTER_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static inline int64_t clock_now_ms(void)
{
	return clock_ms(CLOCK_BOOTTIME);
}

static inline int64_t clock_wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

#endif
