// SPDX-License-Identifier: GPL-2.0-or-later
/* Alerts in the control API: the list, an acknowledgement, a test. */
#include <stdio.h>

#include "../clock.h"
#include "../control.h"
#include "../report/utf8.h"
#include "alerts.h"
#include "message.h"

#define ACK_DEFAULT_S 3600

static void answer(struct api_call *call, unsigned status, const char *result, const char *message)
{
	char text[512];

	utf8_clean(message, text, sizeof(text));
	api_answer(call, status,
		   json_pack("{s:i, s:s, s:s, s:[]}", "schema", CONTROL_SCHEMA, "result", result, "message", text,
			     "changes"));
}

/* --- the list ---------------------------------------------------------------------------------------------------- */

static json_t *ack_json(const struct alert *alert, int64_t now_ms)
{
	char owner[sizeof(alert->acked_by)];

	if (!book_is_acked(alert, now_ms))
		return json_null();
	utf8_clean(alert->acked_by, owner, sizeof(owner));
	return json_pack("{s:s, s:I}", "owner", owner, "left_ms", (json_int_t)(alert->acked_until_ms - now_ms));
}

/* Milliseconds from now; null: it is not to be. */
static json_t *until(int64_t at_ms, int64_t now_ms)
{
	return at_ms == ALERT_NEVER ? json_null() : json_integer(MAX(at_ms - now_ms, 0));
}

static json_t *alert_json(const struct alerts *alerts, const struct alert *alert, int64_t now_ms, int64_t wall_ms)
{
	json_t *json, *told = json_array(), *owed = json_array();
	struct alert_message message;

	message_of_alert(&message, alert, alerts_host(alerts), true, wall_ms);
	json = message_json(&message);
	for (size_t i = 0; i < alert->n_posts; i++) {
		const struct alert_post *post = &alert->posts[i];

		if (post->told)
			json_array_append_new(told, json_string(post->receiver));
		if (post->owes_page || post->owes_end)
			json_array_append_new(owed, json_string(post->receiver));
	}
	json_object_del(json, "schema");
	json_object_del(json, "since");
	json_object_set_new(json, "since_ms", json_integer(alert->since_wall_ms));
	json_object_set_new(json, "age_ms", json_integer(MAX(now_ms - alert->changed_ms, 0)));
	json_object_set_new(json, "acknowledged", ack_json(alert, now_ms));
	json_object_set_new(json, "step", json_integer(alert->step));
	json_object_set_new(json, "told_again_ms", until(alert->due_ms, now_ms));
	json_object_set_new(json, "told", told);
	json_object_set_new(json, "owed", owed);
	return json;
}

static size_t owed_to(const struct book *book, const char *receiver)
{
	size_t n = 0;

	for (size_t i = 0; i < book->n; i++)
		for (size_t k = 0; k < book->alerts[i]->n_posts; k++) {
			const struct alert_post *post = &book->alerts[i]->posts[k];

			n += (post->owes_page || post->owes_end) && !strcmp(post->receiver, receiver);
		}
	return n;
}

/* Nothing of a URL but scheme and host: the rest may be a secret. */
static json_t *receiver_json(struct book *book, const struct receiver_conf *receiver)
{
	const struct receiver_run *run = book_run(book, receiver->name);
	char place[280], fault[sizeof(run->fault)];

	if (receiver->type == RECEIVER_EXEC)
		snprintf(place, sizeof(place), "%s", receiver->command);
	else
		deliver_place(receiver->url, place, sizeof(place));
	utf8_clean(run->fault, fault, sizeof(fault));
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:i, s:I, s:s}", "name", receiver->name, "type",
			 config_receiver_type_name(receiver->type), "place", place, "severity",
			 alert_severity_name(receiver->least), "step", (int)receiver->step, "delivered",
			 (json_int_t)run->delivered, "failures", (int)run->failures, "owed",
			 (json_int_t)owed_to(book, receiver->name), "fault", fault);
}

void call_alerts(void *context, struct api_call *call)
{
	struct agent *agent = context;
	const struct config *config = agent->model->config;
	struct book *book = alerts_book(agent->alerts);
	json_t *list = json_array(), *receivers = json_array();
	int64_t now_ms = clock_now_ms(), wall_ms = clock_wall_ms();

	/* The worst first, then the oldest. */
	for (int severity = ALERT_CRITICAL; severity >= ALERT_INFO; severity--)
		for (size_t i = 0; i < book->n; i++)
			if (!book->alerts[i]->over && (int)alert_rules[book->alerts[i]->kind].severity == severity)
				json_array_append_new(list,
						      alert_json(agent->alerts, book->alerts[i], now_ms, wall_ms));
	for (size_t i = 0; i < config->n_receivers; i++)
		json_array_append_new(receivers, receiver_json(book, &config->receivers[i]));
	api_answer(call, 200,
		   json_pack("{s:i, s:o, s:o, s:I}", "schema", CONTROL_SCHEMA, "alerts", list, "receivers", receivers,
			     "lost", (json_int_t)book->lost));
}

/* --- an acknowledgement ------------------------------------------------------------------------------------------ */

struct acking {
	struct api_call *call;
	char message[400];
};

/* An acknowledgement acts at once; a disk that fails is said. */
static void acked(void *context, int error)
{
	_cleanup_(freep) struct acking *acking = context;
	size_t used = strlen(acking->message);

	if (error)
		snprintf(acking->message + used, sizeof(acking->message) - used,
			 "; not saved: %s, so a restart would tell it again", strerror(-error));
	answer(acking->call, 200, "done", acking->message);
}

static void ack(struct agent *agent, struct api_call *call, struct alert *alert, int64_t for_s)
{
	const char *claim = json_string_value(json_object_get(api_body(call), "as"));
	struct acking *acking = calloc(1, sizeof(*acking));
	char owner[LEASE_OWNER_SIZE], to[96];

	if (!acking) {
		answer(call, 500, "failed", "out of memory");
		return;
	}
	if (claim)
		snprintf(owner, sizeof(owner), "%.30s as %.20s", api_peer(call)->name, claim);
	else
		snprintf(owner, sizeof(owner), "%s", api_peer(call)->name);
	book_ack(alerts_book(agent->alerts), alert, owner, for_s * 1000, clock_now_ms());
	snprintf(to, sizeof(to), "%s for %lld s", alert_rules[alert->kind].name, (long long)for_s);
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_ALERT_ACKED,
						  .service = alert->service,
						  .server = alert->server,
						  .to = to,
						  .owner = owner});
	acking->call = call;
	snprintf(acking->message, sizeof(acking->message),
		 "alert %llu, %s, is acknowledged: nobody is told again for %lld min; it is told again then if it is "
		 "still open",
		 (unsigned long long)alert->id, alert_rules[alert->kind].name, (long long)(for_s + 59) / 60);
	alerts_save(agent->alerts, acked, acking);
}

void call_ack(void *context, struct api_call *call)
{
	static const char *const fields[] = {"ialert", "ifor_s", "sas", NULL};
	struct agent *agent = context;
	const json_t *for_json = json_object_get(api_body(call), "for_s");
	json_int_t id = json_integer_value(json_object_get(api_body(call), "alert"));
	json_int_t for_s = for_json ? json_integer_value(for_json) : ACK_DEFAULT_S;
	struct alert *alert;
	char message[160];

	if (!control_fields_good(call, fields))
		return;
	if (for_s < 1 || for_s > ALERT_ACK_MOST_S) {
		answer(call, 400, "usage", "an acknowledgement lasts from 1 s to 24 h");
		return;
	}
	alert = id > 0 ? book_by_id(alerts_book(agent->alerts), (uint64_t)id) : NULL;
	if (alert && !alert->over) {
		ack(agent, call, alert, for_s);
		return;
	}
	snprintf(message, sizeof(message), "no open alert has the number %lld; `muster alerts` lists them",
		 (long long)id);
	answer(call, 404, "not_found", message);
}

/* --- a test ------------------------------------------------------------------------------------------------------ */

static void tested(void *context, const char *fault, int64_t took_ms)
{
	char message[DELIVERY_FAULT_SIZE + 80];

	if (*fault)
		snprintf(message, sizeof(message), "the receiver did not take the test: %s", fault);
	else
		snprintf(message, sizeof(message), "the receiver took the test, in %lld ms", (long long)took_ms);
	answer(context, *fault ? 500 : 200, *fault ? "failed" : "done", message);
}

void call_alert_test(void *context, struct api_call *call)
{
	static const char *const fields[] = {"sreceiver", "sas", NULL};
	struct agent *agent = context;
	const struct config *config = agent->model->config;
	const char *name = json_string_value(json_object_get(api_body(call), "receiver"));
	char fault[DELIVERY_FAULT_SIZE] = "", message[DELIVERY_FAULT_SIZE + 80];
	size_t at = 0;
	int r;

	if (!control_fields_good(call, fields))
		return;
	while (name && at < config->n_receivers && strcmp(config->receivers[at].name, name))
		at++;
	if (!name || at == config->n_receivers) {
		snprintf(message, sizeof(message), "no receiver \"%.64s\" is configured; `muster alerts` lists them",
			 name ? name : "");
		answer(call, name ? 404 : 400, name ? "not_found" : "usage", message);
		return;
	}
	r = deliver_test(alerts_deliver(agent->alerts), &config->receivers[at], tested, call, fault);
	if (!r)
		return;
	snprintf(message, sizeof(message), "the test could not be sent: %s",
		 r == -EBUSY ? "several tests are under way; say it again when they are done" : fault);
	answer(call, r == -EBUSY ? 409 : 500, r == -EBUSY ? "refused" : "failed", message);
}
