// SPDX-License-Identifier: GPL-2.0-or-later
/* The control API's calls about rehearsals, and the report as JSON. */
#include "../clock.h"
#include "../control.h"
#include "../report/utf8.h"
#include "rehearsal.h"

#define EACH_S 60

static const char *phase_name(enum rehearse_phase phase)
{
	static const char *const names[] = {[REHEARSE_NEXT] = "next",
					    [REHEARSE_TAKES] = "takes",
					    [REHEARSE_OUT] = "out",
					    [REHEARSE_BACK] = "back",
					    [REHEARSE_OVER] = "over"};

	return names[phase];
}

static json_t *clean(const char *text)
{
	char out[REHEARSE_TEXT_SIZE];

	utf8_clean(text, out, sizeof(out));
	return json_string(out);
}

/* null for what is not known yet. */
static json_t *turn_json(const struct rehearse_turn *turn, const char *stand)
{
	const struct rehearse_load *worst = turn->done && turn->worst < turn->n ? &turn->load[turn->worst] : NULL;
	bool judged = worst && worst->scale >= 1;

	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "server", clean(turn->server), "stand", stand, "answer",
			 turn->done ? json_string(rehearse_word_name(turn->word)) : json_null(), "memory_pct",
			 judged && worst->used_pct >= 0 ? json_real(worst->used_pct) : json_null(), "of_peak_pct",
			 judged ? json_real(rehearse_of_peak_pct(turn)) : json_null(), "text",
			 turn->done ? clean(turn->text) : json_null());
}

static json_t *turns_json(const struct rehearse *run)
{
	json_t *turns = json_array();

	for (size_t i = 0; i < run->n; i++) {
		const char *stand = i < run->at   ? "done"
				    : i > run->at ? "waits"
				    : run->broken ? "broken_off"
						  : phase_name(run->phase);

		json_array_append_new(turns, turn_json(&run->turn[i], stand));
	}
	return turns;
}

json_t *rehearsal_json(const struct agent *agent)
{
	const struct rehearsal *rehearsal = agent->rehearsal;
	const struct rehearse *run = rehearsal ? rehearsal->run : NULL;

	if (!run)
		return NULL;
	return json_pack("{s:i, s:I, s:I, s:o, s:o, s:s, s:b, s:o, s:s, s:I, s:o}", "schema", CONTROL_SCHEMA, "id",
			 (json_int_t)rehearsal->id, "agent_ms", (json_int_t)agent->started_wall_ms, "service",
			 clean(rehearsal->service), "owner", clean(rehearsal->owner), "phase", phase_name(run->phase),
			 "broken_off", run->broken, "why", run->broken ? clean(run->why) : json_null(), "answer",
			 rehearse_word_name(rehearse_answer(run)), "each_ms", (json_int_t)run->each_ms, "turns",
			 turns_json(run));
}

static void answer(struct agent *agent, struct api_call *call, const char *message)
{
	json_t *body = rehearsal_json(agent);

	json_object_set_new(body, "result", json_string("done"));
	json_object_set_new(body, "message", json_string(message));
	api_answer(call, 200, body);
}

void call_rehearse(void *context, struct api_call *call)
{
	static const char *const fields[] = {"sservice", "ieach_s", "sas", NULL};
	const json_t *body = api_body(call), *each = json_object_get(body, "each_s");
	struct rehearsal_request request = {
		.service = json_string_value(json_object_get(body, "service")),
		.each_ms = (each ? json_integer_value(each) : EACH_S) * 1000,
		.owner = api_peer(call)->name,
		.owner_uid = api_peer(call)->owner,
		.claim = json_string_value(json_object_get(body, "as")),
	};
	char why[900], message[1024];
	enum order_result result;

	if (!control_fields_good(call, fields))
		return;
	if (!request.service) {
		control_answer_result(call, ORDER_USAGE, "which service? the field \"service\" is missing");
		return;
	}
	if ((each && json_integer_value(each) > REHEARSE_MOST_MS / 1000) || request.each_ms < REHEARSE_LEAST_MS) {
		control_answer_result(call, ORDER_USAGE, "a turn of a rehearsal lasts from 1 s to 1 h");
		return;
	}
	result = rehearsal_start(context, &request, why, sizeof(why));
	if (result == ORDER_DONE) {
		char begun[256];

		snprintf(begun, sizeof(begun),
			 "%.64s: each of its servers is taken out for %lld s in turn, under the load that there is",
			 request.service, (long long)request.each_ms / 1000);
		answer(context, call, begun);
		return;
	}
	snprintf(message, sizeof(message), "%.64s is not rehearsed: %s", request.service, why);
	control_answer_result(call, result, message);
}

void call_rehearse_stop(void *context, struct api_call *call)
{
	static const char *const fields[] = {"sas", NULL};

	if (!control_fields_good(call, fields))
		return;
	if (rehearsal_stop(context, "an operator's wish", api_peer(call)->name))
		answer(context, call, "the rehearsal is broken off");
	else
		control_answer_result(call, ORDER_UNCHANGED, "no rehearsal is under way");
}

void query_rehearsal(void *context, struct api_call *call)
{
	json_t *body = rehearsal_json(context);

	if (body)
		api_answer(call, 200, body);
	else
		control_answer_result(call, ORDER_NOT_FOUND, "there was no rehearsal since musterd started");
}
