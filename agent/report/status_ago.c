// SPDX-License-Identifier: GPL-2.0-or-later
#include "status.h"

#include <stdio.h>

const char *status_ago(const struct status_input *in, int64_t moment_ms)
{
	static _Thread_local char ring[4][16];
	static _Thread_local unsigned turn;
	char *buf = ring[turn++ % ARRAY_SIZE(ring)];
	long s = (long)(MAX(in->clock->now_ms - moment_ms, 0) / 1000);

	if (s < 120)
		snprintf(buf, sizeof(ring[0]), "%ld s", s);
	else if (s < 7200)
		snprintf(buf, sizeof(ring[0]), "%ld min", s / 60);
	else
		snprintf(buf, sizeof(ring[0]), "%ld h", s / 3600);
	return buf;
}
