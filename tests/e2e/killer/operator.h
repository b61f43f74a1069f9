/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The operator who never rests, as long as musterd lives. */
#ifndef KILLER_OPERATOR_H
#define KILLER_OPERATOR_H

#include "truth.h"

#define EMPTY_MS  500 /* a request takes a few ms */
#define THINKS_MS 3

static void wish_anything(struct operation *o)
{
	static unsigned number;
	int die = rand() % 20;

	*o = (struct operation){.server = rand() % SERVERS, .kind = rand() % KINDS, .other_config = rand() % 2};
	snprintf(o->reason, sizeof(o->reason), "wish %u %0120d", ++number, 0);
	o->act = die < 7 ? PLACE : die < 14 ? RETURN : die < 16 ? ADD : die < 18 ? REMOVE : die < 19 ? APPLY : TRY;
	/* What is on trial is rolled back, and whoever changes it else would end the trial. */
	if (promised.on_trial && (o->act == APPLY || o->act == TRY))
		o->act = ROLL_BACK;
	o->other_config = o->act == APPLY ? o->other_config : !promised.other_config;
}

/* How it is asked. */
static json_t *body_of(const struct operation *o, const char *spare_address, const char **what)
{
	static const char *const path[KINDS] = {"/v1/drain", "/v1/maintenance", "/v1/weight"};
	const char *name = server_name[o->server];
	json_t *body;

	switch (o->act) {
	case PLACE:
		*what = path[o->kind];
		body = json_pack("{s:s, s:s, s:i, s:s, s:b}", "server", name, "service", "web", "for_s", 3600, "reason",
				 o->reason, "force", 1);
		if (o->kind == DRAIN)
			json_object_set_new(body, "no_recall", json_true());
		if (o->kind == WEIGHT)
			json_object_set_new(body, "weight", json_integer(1 + rand() % 9));
		return body;
	case RETURN:
		*what = "/v1/return";
		return json_pack("{s:s, s:s, s:b}", "server", name, "service", "web", "force", 1);
	case ADD:
		*what = "/v1/add";
		return json_pack("{s:s, s:s, s:s, s:i}", "server", "web-03", "service", "web", "address", spare_address,
				 "weight", 10);
	case REMOVE:
		*what = "/v1/remove";
		return json_pack("{s:s, s:s, s:b}", "server", "web-03", "service", "web", "force", 1);
	case ROLL_BACK:
		*what = "/v1/rollback";
		return json_pack("{s:b}", "force", 1);
	default:
		*what = "/v1/apply";
		body = json_pack("{s:s, s:s, s:b}", "file", o->other_config ? other_config : config, "text",
				 o->other_config ? other_text : main_text, "force", 1);
		if (o->act == TRY)
			json_object_set_new(body, "confirm_within_s", json_integer(3600));
		return body;
	}
}

/* From the moment that they are asked for, new flows are no fault. */
static void may_come_back(const struct operation *o)
{
	if (o->act == RETURN)
		out[o->server].counted = false;
	if (o->act == ADD)
		out[SPARE].counted = false;
}

/* Long enough to have no connection any more: a removal would end them. */
static bool spare_is_empty(void)
{
	return !promised.added || (out[SPARE].counted && now_ms() - out[SPARE].since_ms >= EMPTY_MS);
}

static void operate(void)
{
	struct operation o;
	const char *what;
	json_t *answer = NULL, *body;
	int status;

	wish_anything(&o);
	if (o.act == REMOVE && !spare_is_empty())
		o = (struct operation){.act = PLACE, .server = SPARE, .kind = DRAIN};
	if (!o.reason[0])
		snprintf(o.reason, sizeof(o.reason), "before it is removed");
	body = body_of(&o, getenv("SPARE_ADDRESS"), &what);
	look_at_turns("at work");
	may_come_back(&o);
	status = ask("POST", what, body, &answer);
	if (status == CALL_UNANSWERED) {
		asked = o;
		unanswered++;
	} else if (status == 200 && !strcmp(text_in(answer, "result"), "done")) {
		promises_after(&promised, &o);
		answered++;
	} else if (status > 0) {
		refused++;
	}
	if (status >= 500)
		fault("%s: HTTP status %d, %s", what, status, text_in(answer, "message"));
	if (status > 0)
		count_from_now();
	json_decref(answer);
}

/* One life, as far as the next death. `us` after the first answer it is killed; negative: not by us. */
static void live(long us, bool audit)
{
	long long until = now_ms() + LONGEST_MS;

	while (!died()) {
		if (!agent.back) {
			look_at_agent();
			if (agent.back && audit)
				look_at_audit();
			if (agent.back && us >= 0)
				kill_after(us);
			if (agent.back && us < 0 && strike_path[0])
				return;
			if (!agent.back)
				pause_ms(2);
		} else if (asked.act) {
			pause_ms(1); /* it is dying: whoever asked is not answered, and asks no more */
		} else {
			operate();
			pause_ms(THINKS_MS);
		}
		if (now_ms() < until)
			continue;
		fault("musterd did not %s in %d s", agent.back ? "meet its end" : "come back", LONGEST_MS / 1000);
		kill_after(1);
		until = now_ms() + LONGEST_MS;
	}
	look_at_disk();
}

#endif
