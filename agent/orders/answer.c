// SPDX-License-Identifier: GPL-2.0-or-later
/* An order's answer, as the document that the API and the command line hand out. */
#include "../control.h"
#include "../report/utf8.h"
#include "orders.h"

static const char *result_name(enum order_result result)
{
	static const char *const name[] = {
		[ORDER_DONE] = "done",       [ORDER_UNCHANGED] = "unchanged", [ORDER_USAGE] = "usage",
		[ORDER_REFUSED] = "refused", [ORDER_NOT_FOUND] = "not_found", [ORDER_FAILED] = "failed",
	};

	return name[result];
}

/* A change without a service is one of an interface. */
static json_t *change_json(const struct order_change *change)
{
	json_t *json = json_object();

	if (change->service[0])
		json_object_set_new(json, "service", json_string(change->service));
	json_object_set_new(json, change->service[0] ? "server" : "interface", json_string(change->server));
	json_object_set_new(json, "before", json_string(change->before));
	json_object_set_new(json, "after", json_string(change->after));
	if (change->lease)
		json_object_set_new(json, "lease", json_integer((json_int_t)change->lease));
	return json;
}

json_t *orders_answer_json(const struct order_answer *answer)
{
	json_t *changes = json_array(), *body;
	char message[sizeof(answer->message)], undo[sizeof(answer->undo)];

	for (size_t i = 0; i < answer->n_changes; i++)
		json_array_append_new(changes, change_json(&answer->change[i]));
	utf8_clean(answer->message, message, sizeof(message));
	utf8_clean(answer->undo, undo, sizeof(undo));
	body = json_pack("{s:i, s:s, s:s, s:o}", "schema", CONTROL_SCHEMA, "result", result_name(answer->result),
			 "message", message, "changes", changes);
	if (answer->undo[0])
		json_object_set_new(body, "undo", json_string(undo));
	return body;
}
