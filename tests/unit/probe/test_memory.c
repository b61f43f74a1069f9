// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory sources over real connections: node_exporter and agent-check. */
#include "fixture.h"

#define METRICS                                                                                                        \
	"# HELP node_memory_MemTotal_bytes x\nnode_memory_MemTotal_bytes 4e+09\n"                                      \
	"node_memory_MemAvailable_bytes 1e+09\n"

static struct memory_conf memory_default(enum memory_source source)
{
	return (struct memory_conf){.source = source, .interval_ms = 60000, .timeout_ms = 300};
}

static struct probe_result ask(const struct memory_conf *memory, struct server *server)
{
	struct probe_result result;

	assert_true(server_start(server));
	result = probe_once(&(struct probe_spec){
		.kind = PROBE_KIND_MEMORY, .addr = loopback(false), .port = server->port, .memory = memory});
	server_stop(server);
	assert_int_equal(result.kind, PROBE_KIND_MEMORY);
	return result;
}

static void node_exporter(void **state)
{
	static struct server server = {.reply = "HTTP/1.1 200 OK\r\n\r\n" METRICS};
	struct memory_conf memory = memory_default(MEMORY_NODE_EXPORTER);
	struct probe_result result = ask(&memory, &server);

	(void)state;
	assert_outcome(&result, PROBE_OK, "953.7 of 3814.7 MiB available");
	assert_int_equal(result.memory.total_bytes, 4000000000);
	assert_int_equal(result.memory.available_bytes, 1000000000);
	assert_non_null(strstr(server.request, "GET /metrics?collect[]=meminfo&collect[]=pressure"));
}

static void all_of_a_large_node_exporter_is_read(void **state)
{
	static struct server server;
	struct memory_conf memory = memory_default(MEMORY_NODE_EXPORTER);
	size_t filling = 300000, head = strlen("HTTP/1.1 200 OK\r\n\r\n");
	char *reply = malloc(head + filling + sizeof(METRICS));
	struct probe_result result;

	(void)state;
	memset(reply, '#', head + filling);
	memcpy(reply, "HTTP/1.1 200 OK\r\n\r\n", head);
	reply[head + filling - 1] = '\n';
	memcpy(reply + head + filling, METRICS, sizeof(METRICS));
	server = (struct server){.reply = reply};
	memory.timeout_ms = 2000;
	result = ask(&memory, &server);
	free(reply);
	assert_outcome(&result, PROBE_OK, "available");
}

static void faults_of_node_exporter(void **state)
{
	static const struct {
		const char *reply;
		enum probe_outcome outcome;
		const char *detail;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\n\r\nnode_load1 3\n", PROBE_UNREADABLE, "node_memory_MemTotal_bytes"},
		{"HTTP/1.1 200 OK\r\n\r\nnode_memory_MemTotal_bytes 5\n", PROBE_UNREADABLE, "MemAvailable"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", PROBE_UNREADABLE, "is this a node_exporter?"},
		{"HTTP/1.1 404 No\r\n\r\n" METRICS, PROBE_WRONG_STATUS, "HTTP 404, wanted 200"},
		{"HTTP/1.1 302 No\r\n\r\n" METRICS, PROBE_WRONG_STATUS, "HTTP 302, wanted 200"},
	};
	struct memory_conf memory = memory_default(MEMORY_NODE_EXPORTER);
	static struct server server;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct probe_result result;

		server = (struct server){.reply = cases[i].reply};
		result = ask(&memory, &server);
		assert_outcome(&result, cases[i].outcome, cases[i].detail);
	}
}

static void agent_check(void **state)
{
	static struct server server = {.reply = "up 75% #memory available=1048576 total=4194304\n"};
	struct memory_conf memory = memory_default(MEMORY_AGENT_CHECK);
	struct probe_result result;

	(void)state;
	memory.send = "memory?\n";
	result = ask(&memory, &server);
	assert_outcome(&result, PROBE_OK, "1.0 of 4.0 MiB available");
	assert_int_equal(result.memory.weight_pct, 75);
	assert_int_equal(result.memory.health, AGENT_UP);
	assert_int_equal(result.memory.admin, -1);
	assert_string_equal(server.request, "memory?\n");
}

static void agent_check_that_speaks_first_and_slowly(void **state)
{
	static struct server server = {.reply = "drain\r\nnot read", .deaf = true, .drip_ms = 5};
	struct memory_conf memory = memory_default(MEMORY_AGENT_CHECK);
	struct probe_result result = ask(&memory, &server);

	(void)state;
	assert_outcome(&result, PROBE_OK, "nothing of memory");
	assert_int_equal(result.memory.admin, AGENT_DRAIN);
	assert_int_equal(result.memory.total_bytes, -1);
}

static void faults_of_agent_check(void **state)
{
	static char endless[4096];
	const struct {
		const char *reply;
		bool reset;
		enum probe_outcome outcome;
		const char *detail;
	} cases[] = {
		{"up", false, PROBE_OK, "nothing of memory"}, /* the end of the stream ends the line */
		{"", false, PROBE_CLOSED, "before it sent a line"},
		{"\n", false, PROBE_CLOSED, "before it sent a line"},
		{" \t,\n", false, PROBE_UNREADABLE, "no word"},
		{endless, false, PROBE_UNREADABLE, "longer than"},
		{NULL, true, PROBE_RESET, "reset"},
		{NULL, false, PROBE_TIMEOUT, "no whole line within 300 ms (0 bytes came)"},
	};
	struct memory_conf memory = memory_default(MEMORY_AGENT_CHECK);
	static struct server server;
	unsigned i;

	(void)state;
	memset(endless, 'a', sizeof(endless) - 1);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct probe_result result;

		server = (struct server){.reply = cases[i].reply, .reset = cases[i].reset, .deaf = true};
		result = ask(&memory, &server);
		assert_outcome(&result, cases[i].outcome, cases[i].detail);
	}
}

static void agent_check_refused(void **state)
{
	struct memory_conf memory = memory_default(MEMORY_AGENT_CHECK);
	struct probe_result result = probe_once(&(struct probe_spec){
		.kind = PROBE_KIND_MEMORY, .addr = loopback(false), .port = port_closed(), .memory = &memory});

	(void)state;
	assert_outcome(&result, PROBE_REFUSED, "Connection refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(node_exporter),
		cmocka_unit_test(all_of_a_large_node_exporter_is_read),
		cmocka_unit_test(faults_of_node_exporter),
		cmocka_unit_test(agent_check),
		cmocka_unit_test(agent_check_that_speaks_first_and_slowly),
		cmocka_unit_test(faults_of_agent_check),
		cmocka_unit_test(agent_check_refused),
	};

	return cmocka_run_group_tests_name("probe memory", tests, NULL, NULL);
}
