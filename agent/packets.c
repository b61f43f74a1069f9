// SPDX-License-Identifier: GPL-2.0-or-later
#include "packets.h"

#include <net/if.h>
#include <stdio.h>

#include "agent.h"

#define WINDOW_MS (60 * 1000)

static const char *event_text(uint32_t kind)
{
	static const char *const text[] = {
#define X(NAME, name, words) [MUSTER_EVENT_##NAME] = words,
		MUSTER_EVENTS(X)
#undef X
	};

	return text[kind];
}

static const char *service_name(const struct agent *agent, uint32_t index)
{
	for (size_t i = 0; agent->model && i < agent->model->n_services; i++)
		if (agent->model->services[i].run.index == index)
			return agent->model->services[i].conf->name;
	return NULL;
}

/* Whoever has to change something is named; the window is of no concern to that. */
static void note_sender(struct status_sender *sender, const struct muster_event *event)
{
	sender->addr = event->tuple.src;
	if (!if_indextoname(event->ifindex, sender->ifname))
		sender->ifname[0] = '\0';
}

void packets_event(struct agent *agent, const struct muster_event *event, int64_t now_ms)
{
	uint32_t service = MIN(event->service, (uint32_t)MUSTER_MAX_SERVICES);
	char from[ADDRESS_TEXT_SIZE], to[ADDRESS_TEXT_SIZE], tuple[2 * ADDRESS_TEXT_SIZE + 8];
	const struct server *server = agent->model ? model_server_by_index(agent->model, event->server) : NULL;
	struct packets_window *window;

	if (event->kind >= MUSTER_EVENTS_N)
		return;
	if (event->kind == MUSTER_EVENT_BAD_CHECKSUM)
		note_sender(&agent->packets.bad_checksum, event);
	window = &agent->packets.window[event->kind][service];
	if (window->since_ms) {
		window->more++;
		return;
	}
	window->since_ms = now_ms;
	snprintf(tuple, sizeof(tuple), "%s -> %s", address_port_format(&event->tuple.src, event->tuple.sport, from),
		 address_port_format(&event->tuple.dst, event->tuple.dport, to));
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_PACKETS,
						  .service = service_name(agent, service),
						  .server = server ? server->conf->name : NULL,
						  .from = tuple,
						  .to = "not forwarded",
						  .cause = event_text(event->kind)});
}

void packets_tick(struct agent *agent, int64_t now_ms)
{
	char more[64];

	for (uint32_t kind = 0; kind < MUSTER_EVENTS_N; kind++)
		for (uint32_t service = 0; service <= MUSTER_MAX_SERVICES; service++) {
			struct packets_window *window = &agent->packets.window[kind][service];

			if (!window->since_ms || now_ms - window->since_ms < WINDOW_MS)
				continue;
			snprintf(more, sizeof(more), "%u more packets within a minute", window->more);
			if (window->more)
				agent_note(agent, &(struct journal_entry){.kind = JOURNAL_PACKETS,
									  .service = service_name(agent, service),
									  .from = more,
									  .to = "not forwarded",
									  .cause = event_text(kind)});
			*window = (struct packets_window){0};
		}
}
