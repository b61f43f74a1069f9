// SPDX-License-Identifier: GPL-2.0-or-later
/* The control API's calls about configurations: JSON in, a plan or a change. */
#include "../agent.h"
#include "../control.h"
#include "../report/utf8.h"
#include "change.h"

static const char *const plan_fields[] = {"stext", "sfile", "sas", NULL};
static const char *const apply_fields[] = {"stext", "sfile", "iconfirm_within_s", "bforce", "sas", NULL};

static const char *text_of(const json_t *body, const char *key)
{
	return json_string_value(json_object_get(body, key));
}

/* The text and its name; false when there is none, and then it is answered. */
static bool read_file(struct api_call *call, const char *const *fields, const char **file, const char **text)
{
	const json_t *body = api_body(call);

	if (!control_fields_good(call, fields))
		return false;
	*text = text_of(body, "text");
	*file = text_of(body, "file");
	if (!*file || !**file)
		*file = "the configuration";
	if (*text)
		return true;
	control_answer_result(call, ORDER_USAGE, "which configuration? the field \"text\" is missing");
	return false;
}

/* "web is removed ..." for people; the details are in the services. */
static void plan_message(const struct change_plan *plan, const char *file, bool plain, const char *why, char *out,
			 size_t size)
{
	char sentence[640];

	gate_sentence(&plan->gate, sentence, sizeof(sentence));
	if (plain)
		snprintf(out, size, "nothing speaks against %s: %s", file, sentence);
	else
		snprintf(out, size, "%s", why);
}

void call_plan(void *context, struct api_call *call)
{
	_cleanup_(change_plan_free) struct change_plan *plan = NULL;
	_cleanup_(freep) char *said = NULL;
	const char *file, *text;
	char why[1024], message[1400], clean[1400];
	size_t length = 0;
	FILE *faults;
	bool plain;
	int error;

	if (!read_file(call, plan_fields, &file, &text))
		return;
	faults = open_memstream(&said, &length);
	error = faults ? change_plan_new(&plan, context, file, text, faults) : -ENOMEM;
	if (faults)
		fclose(faults);
	if (error) {
		control_answer_result(call, error == -EINVAL ? ORDER_USAGE : ORDER_FAILED,
				      said && *said ? said : strerror(-error));
		return;
	}
	plain = change_is_plain(plan, file, why, sizeof(why));
	plan_message(plan, file, plain, why, message, sizeof(message));
	utf8_clean(message, clean, sizeof(clean));
	api_answer(call, plain ? 200 : 409,
		   json_pack("{s:i, s:s, s:s, s:s, s:b, s:I, s:I, s:O}", "schema", CONTROL_SCHEMA, "result",
			     plain ? "done" : "refused", "message", clean, "answer", gate_word_name(plan->gate.word),
			     "last", plan->gate.last, "taken_out", (json_int_t)plan->taken_out, "single",
			     (json_int_t)plan->single, "services", plan->services));
}

void call_apply(void *context, struct api_call *call)
{
	const json_t *body = api_body(call);
	const json_t *within = json_object_get(body, "confirm_within_s");
	struct change_request request = {.owner = api_peer(call)->name,
					 .confirm_ms = json_integer_value(within) * 1000,
					 .force = json_is_true(json_object_get(body, "force"))};

	if (!read_file(call, apply_fields, &request.file, &request.text))
		return;
	if (within && (json_integer_value(within) < 1 || json_integer_value(within) > 24 * 3600)) {
		control_answer_result(call, ORDER_USAGE, "a trial lasts from 1 s to 1 day");
		return;
	}
	change_apply(context, &request, control_answer, call);
}

void call_confirm(void *context, struct api_call *call)
{
	static const char *const fields[] = {"sas", NULL};

	if (control_fields_good(call, fields))
		change_confirm(context, api_peer(call)->name, control_answer, call);
}

void call_rollback(void *context, struct api_call *call)
{
	static const char *const fields[] = {"bforce", "sas", NULL};

	if (control_fields_good(call, fields))
		change_roll_back(context, api_peer(call)->name, json_is_true(json_object_get(api_body(call), "force")),
				 control_answer, call);
}
