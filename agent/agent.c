// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent.h"

#include "clock.h"

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
