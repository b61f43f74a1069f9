// SPDX-License-Identifier: GPL-2.0-or-later
#include "foresee.h"

#include <stdio.h>

static void note_change(struct agent *agent, const struct server *server, int64_t now_ms)
{
	const struct forecast *forecast = &server->run.forecast;
	char to[96], cause[160], left[FORECAST_TEXT_SIZE], pressure[64] = "";

	if (forecast->pressure_pct > 0)
		snprintf(pressure, sizeof(pressure), ", tasks wait for memory %d %% of the time",
			 forecast->pressure_pct);
	snprintf(to, sizeof(to), "out of memory in about %s at this rate",
		 forecast_left_text(forecast, now_ms, left, sizeof(left)));
	snprintf(cause, sizeof(cause), "%u.%u %% of %lld MiB available%s", server->run.memory.available_permille / 10,
		 server->run.memory.available_permille % 10, (long long)(server->run.memory.total_bytes >> 20),
		 pressure);
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_FORECAST,
						  .service = server->service->conf->name,
						  .server = server->conf->name,
						  .from = forecast->warned ? "no end near" : "an end near",
						  .to = forecast->warned ? to : "no end near",
						  .cause = cause});
}

void foresee_reading(struct agent *agent, struct server *server, const struct memory_reading *reading, int64_t now_ms)
{
	if (!forecast_note(&server->run.forecast, &server->conf->memory, reading, now_ms))
		return;
	note_change(agent, server, now_ms);
	agent_touch(agent);
}

struct pool_forecast foresee_pool(const struct server *server, int64_t now_ms)
{
	const struct forecast *forecast = &server->run.forecast;

	return (struct pool_forecast){
		.known = forecast->known,
		.exhausted_in_ms = forecast->known ? forecast_left_ms(forecast, now_ms) : 0,
	};
}
