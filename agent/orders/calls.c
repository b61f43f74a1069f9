// SPDX-License-Identifier: GPL-2.0-or-later
/* The control API's calls about orders: JSON in, a request to this folder. */
#include "../control.h"

static const char *text_of(const json_t *body, const char *key)
{
	return json_string_value(json_object_get(body, key));
}

static int64_t number_of(const json_t *body, const char *key, int64_t absent)
{
	const json_t *value = json_object_get(body, key);

	return json_is_integer(value) ? json_integer_value(value) : absent;
}

static bool flag_of(const json_t *body, const char *key)
{
	return json_is_true(json_object_get(body, key));
}

/* Milliseconds; what is no time of this field becomes 0, which the orders refuse with the reason. */
static int64_t time_of(const json_t *body, const char *key, int64_t absent_s)
{
	int64_t seconds = number_of(body, key, absent_s);

	return seconds > 0 && seconds < INT32_MAX ? seconds * 1000 : 0;
}

/* Who asks and for how long: what all of these calls take. False when that makes no sense, and then it is answered. */
static bool read_asker(struct api_call *call, struct order_request *request)
{
	const struct api_peer *peer = api_peer(call);
	const json_t *body = api_body(call);
	bool endless = flag_of(body, "indefinitely");

	*request = (struct order_request){
		.claim = text_of(body, "as"),
		.owner = peer->name,
		.owner_uid = peer->owner,
		.for_ms = endless ? LEASE_ENDLESS_MS : time_of(body, "for_s", 3600),
		.force = flag_of(body, "force"),
	};
	if (!endless || !json_object_get(body, "for_s"))
		return true;
	control_answer_result(call, ORDER_USAGE,
			      "an order has an end or none: \"for_s\" or \"indefinitely\", not both");
	return false;
}

/* The request of a call about a server; false when it names none, and then it is answered. */
static bool read_request(struct api_call *call, struct order_request *request)
{
	static const char *const fields[] = {"sserver",       "sservice", "ifor_s", "bindefinitely", "sreason",
					     "sas",           "iweight",  "bforce", "balone",        "bno_recall",
					     "ikill_after_s", "bdry_run", NULL};
	const json_t *body = api_body(call);

	if (!control_fields_good(call, fields) || !read_asker(call, request))
		return false;
	request->server = text_of(body, "server");
	request->service = text_of(body, "service");
	request->reason = text_of(body, "reason");
	request->no_recall = flag_of(body, "no_recall");
	request->alone = flag_of(body, "alone");
	request->dry_run = flag_of(body, "dry_run");
	if (json_object_get(body, "kill_after_s")) {
		request->kill_after_ms = time_of(body, "kill_after_s", 0);
		if (!request->kill_after_ms)
			request->kill_after_ms = -1;
	}
	if (request->server && *request->server)
		return true;
	control_answer_result(call, ORDER_USAGE, "which server? the field \"server\" is missing");
	return false;
}

static void place(void *context, struct api_call *call, enum order_kind kind)
{
	struct order_request request;

	if (!read_request(call, &request))
		return;
	request.kind = kind;
	orders_place(context, &request, control_answer, call);
}

void call_drain(void *context, struct api_call *call)
{
	place(context, call, ORDER_DRAIN);
}

void call_maintenance(void *context, struct api_call *call)
{
	place(context, call, ORDER_MAINTENANCE);
}

void call_weight(void *context, struct api_call *call)
{
	int64_t weight = number_of(api_body(call), "weight", -1);
	struct order_request request;

	if (!read_request(call, &request))
		return;
	if (weight < 0 || weight > 256) {
		control_answer_result(call, ORDER_USAGE, "which weight? \"weight\" is a whole number from 0 to 256");
		return;
	}
	request.kind = ORDER_WEIGHT;
	request.weight = weight;
	orders_place(context, &request, control_answer, call);
}

void call_return(void *context, struct api_call *call)
{
	struct order_request request;

	if (read_request(call, &request))
		orders_return(context, &request, control_answer, call);
}

/* The request of a call about one order; 0 when it names none, and then it is answered. */
static uint64_t read_lease(struct api_call *call, struct order_request *request)
{
	static const char *const fields[] = {"ilease", "ifor_s", "bindefinitely", "sas", "bforce", NULL};
	int64_t id = number_of(api_body(call), "lease", 0);

	if (!control_fields_good(call, fields) || !read_asker(call, request))
		return 0;
	if (id > 0)
		return id;
	control_answer_result(call, ORDER_USAGE, "which lease? \"lease\" is the number that `muster lease list` shows");
	return 0;
}

void call_extend(void *context, struct api_call *call)
{
	struct order_request request;
	uint64_t id = read_lease(call, &request);

	if (id)
		orders_extend(context, id, &request, control_answer, call);
}

void call_release(void *context, struct api_call *call)
{
	struct order_request request;
	uint64_t id = read_lease(call, &request);

	if (id)
		orders_release(context, id, &request, control_answer, call);
}
