// SPDX-License-Identifier: GPL-2.0-or-later
/* What the program said of a packet, in words and as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <muster/verdict.h>
#include <netinet/in.h>
#include <stdio.h>

#include "address.h"
#include "report/why.h"

static struct muster_addr addr(const char *text)
{
	struct muster_addr out;

	assert_int_equal(address_parse(text, &out), 0);
	return out;
}

/* A SYN of a client to a service with two servers, that would go to web-01. */
static struct why new_flow(void)
{
	struct why why = {
		.packet = {.src = addr("192.0.2.10"),
			   .dst = addr("192.0.2.100"),
			   .sport = htons(5000),
			   .dport = htons(80),
			   .proto = IPPROTO_TCP},
		.tcp_flags = WHY_SYN,
		.ingress = "front",
		.egress = "back",
		.carries = true,
		.hop_dst = {2, 0, 0, 0, 1, 0x11},
		.service = {.name = "web", .addr = addr("192.0.2.100"), .used = 1},
		.server = {.name = "web-01",
			   .addr = addr("198.51.100.11"),
			   .state = MUSTER_SERVER_UP,
			   .source[1] = addr("198.51.100.2")},
		.turn = 17,
		.slots = 2,
		.trace = {.verdict = MUSTER_VERDICT_TO_SERVER, .opened = 1},
	};

	why.trace.flow = (struct muster_flow){.client = why.packet.src,
					      .client_port = htons(5000),
					      .vip_port = htons(80),
					      .server_port = htons(8080),
					      .nat_port = htons(1024),
					      .source = 1};
	return why;
}

static struct why old_flow(enum muster_dir dir)
{
	struct why why = new_flow();

	why.tcp_flags = WHY_ACK;
	why.trace.opened = 0;
	why.trace.tag = (uint64_t)MUSTER_FLOW_ESTABLISHED << MUSTER_STATE_SHIFT;
	why.trace.flow.dir = dir;
	why.idle_s = 7;
	if (dir == MUSTER_TO_CLIENT)
		why.trace.verdict = MUSTER_VERDICT_TO_CLIENT;
	return why;
}

static struct why refused(enum muster_verdict verdict)
{
	struct why why = new_flow();

	why.trace.verdict = verdict;
	why.trace.opened = 0;
	return why;
}

/* "parse, flow, service: none has this address and port": the stages' names, and what the last one says. */
static void goes(const struct why *why, const char *wanted)
{
	json_t *stages = why_stages_json(why), *stage;
	char line[512] = "";
	size_t i, used = 0;

	json_array_foreach(stages, i, stage)
	{
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s", i ? ", " : "",
					 json_string_value(json_object_get(stage, "stage")));
		if (i + 1 == json_array_size(stages))
			snprintf(line + used, sizeof(line) - used, ": %s",
				 json_string_value(json_object_get(stage, "text")));
	}
	json_decref(stages);
	assert_string_equal(line, wanted);
}

static void says(const struct why *why, size_t at, const char *wanted)
{
	json_t *stages = why_stages_json(why);

	assert_string_equal(json_string_value(json_object_get(json_array_get(stages, at), "text")), wanted);
	json_decref(stages);
}

static void test_a_new_flow(void **state)
{
	struct why why = new_flow();

	(void)state;
	goes(&why, "parse, flow, service, admit, pick, claim, rewrite, egress: by back, to 02:00:00:00:01:11");
	says(&why, 2, "web: fullnat, round_robin");
	says(&why, 4, "web-01 at 198.51.100.11, turn 17 of a table of 2 slots");
	says(&why, 5, "source 198.51.100.2:1024");
	says(&why, 6, "198.51.100.2:1024 -> 198.51.100.11:8080");
	why.service.scheduler = MUSTER_SCHEDULER_SOURCE;
	says(&why, 4, "web-01 at 198.51.100.11, by the hash of the client's address");
	why.service.scheduler = MUSTER_SCHEDULER_LEAST_CONNECTIONS;
	why.trace.hashed = 1;
	says(&why, 4, "web-01 at 198.51.100.11, by the flow's hash");
	why.trace.flow.mode = MUSTER_MODE_NAT;
	says(&why, 6, "192.0.2.10:1024 -> 198.51.100.11:8080");
	why.trace.flow.mode = MUSTER_MODE_DR;
	says(&why, 6, "the link addresses alone");
}

static void test_a_flow_that_is_there(void **state)
{
	struct why why = old_flow(MUSTER_TO_SERVER);

	(void)state;
	goes(&why, "parse, flow, rewrite, egress: by back, to 02:00:00:00:01:11");
	says(&why, 1, "established, with web-01, idle for 7 s");
	why = old_flow(MUSTER_TO_CLIENT);
	says(&why, 2, "192.0.2.100:80 -> 192.0.2.10:5000");
}

static void test_refusals(void **state)
{
	static const struct {
		enum muster_verdict verdict;
		const char *way;
	} table[] = {
		{MUSTER_VERDICT_NO_SERVICE, "parse, flow, service: none has this address and port"},
		{MUSTER_VERDICT_POOL_EMPTY,
		 "parse, flow, service, admit: no: the pool is empty: the client is refused"},
		{MUSTER_VERDICT_POOL_FULL,
		 "parse, flow, service, admit, pick: nobody: every server is at its max_flows"},
		{MUSTER_VERDICT_NO_PORT,
		 "parse, flow, service, admit, pick, claim: no: no free source port toward the server"},
		{MUSTER_VERDICT_SERVER_DOWN, "parse, flow: that of web-01, which is down"},
		{MUSTER_VERDICT_NO_ROUTE,
		 "parse, flow, service, admit, pick, claim, rewrite, egress: no: no route to the next hop"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct why why = refused(table[i].verdict);

		goes(&why, table[i].way);
	}
}

static void test_document(void **state)
{
	struct why why = new_flow();
	json_t *json = why_json(&why), *flow = json_object_get(json, "flow");

	(void)state;
	assert_string_equal(json_string_value(json_object_get(json, "server")), "web-01");
	assert_int_equal(json_integer_value(json_object_get(json, "turn")), 17);
	assert_true(json_is_true(json_object_get(flow, "new")));
	assert_string_equal(json_string_value(json_object_get(flow, "source_at_server")), "198.51.100.2:1024");
	assert_int_equal(json_array_size(json_object_get(json, "hints")), 0);
	json_decref(json);
	why = refused(MUSTER_VERDICT_NO_PORT);
	why.carries = false;
	json = why_json(&why);
	assert_true(json_is_null(json_object_get(json, "flow")));
	assert_true(json_is_null(json_object_get(json, "next_hop")));
	assert_string_equal(json_string_value(json_object_get(json, "action")), "drop");
	assert_int_equal(json_array_size(json_object_get(json, "hints")), 2);
	json_decref(json);
	/* Every verdict has its words, and none of them stops a document. */
	for (int verdict = 0; verdict <= MUSTER_VERDICTS_N; verdict++) {
		why = refused(verdict);
		json = why_json(&why);
		assert_non_null(json);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_new_flow),
					   cmocka_unit_test(test_a_flow_that_is_there), cmocka_unit_test(test_refusals),
					   cmocka_unit_test(test_document)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
