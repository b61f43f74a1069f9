// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent.h"

#include <stdio.h>

#include "clock.h"

void agent_boot_id(char out[static BOOT_ID_SIZE])
{
	_cleanup_(freep) char *text = NULL;

	if (agent_read_file("/proc/sys/kernel/random/boot_id", &text) == 0)
		snprintf(out, BOOT_ID_SIZE, "%.36s", text);
}

struct lease_clock agent_clock(const struct agent *agent)
{
	struct lease_clock clock = {.now_ms = clock_now_ms(), .wall_ms = clock_wall_ms()};

	memcpy(clock.boot_id, agent->boot_id, sizeof(clock.boot_id));
	return clock;
}

void agent_note(struct agent *agent, const struct journal_entry *entry)
{
	journal_write(agent->journal, clock_wall_ms(), entry);
}
