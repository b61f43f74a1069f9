// SPDX-License-Identifier: GPL-2.0-or-later
/* What muster-responder says is what the probes understand: each answer is read back by the agent's own parsers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>

#include "probe/agent_check.h"
#include "probe/node_exporter.h"
#include "responder/answer.h"

static const struct responder_reading whole = {67108864, 12345678, 1500001, 250000, 2};
static const struct responder_reading bare = {67108864, 12345678, -1, -1, -1};
static const struct responder_clock at = {1700000000123, 5000};

static void metrics_are_node_exporters(void **state)
{
	struct memory_reading reading;
	char text[4096];
	size_t length;

	(void)state;
	length = responder_metrics(&whole, &at, text, sizeof(text));
	assert_int_equal(length, strlen(text));
	assert_int_equal(node_exporter_parse(text, length, &reading, NULL), 0);
	assert_int_equal(reading.total_bytes, 67108864);
	assert_int_equal(reading.available_bytes, 12345678);
	assert_true(reading.psi_some_s > 1.5 && reading.psi_some_s < 1.500002);
	assert_true(reading.psi_full_s > 0.2499 && reading.psi_full_s < 0.2501);
	assert_int_equal(reading.oom_kills, 2);
	assert_non_null(strstr(text, "\nnode_time_seconds 1700000000.123000\n"));
	assert_non_null(strstr(text, "\nnode_boot_time_seconds 1699999995.000000\n"));
	assert_int_equal(text[length - 1], '\n');
}

static void what_the_source_lacks_is_left_out(void **state)
{
	char text[4096];

	(void)state;
	responder_metrics(&bare, &at, text, sizeof(text));
	assert_null(strstr(text, "pressure"));
	assert_null(strstr(text, "oom_kill"));
}

static void the_line_is_agent_checks(void **state)
{
	struct memory_reading reading;
	char text[256];
	size_t length;

	(void)state;
	length = responder_agent_line(&whole, text, sizeof(text));
	assert_string_equal(text, "up 100% #memory available=12345678 total=67108864\n");
	assert_int_equal(agent_check_parse(text, length, &reading), 0);
	assert_int_equal(reading.total_bytes, 67108864);
	assert_int_equal(reading.available_bytes, 12345678);
	assert_int_equal(reading.health, AGENT_UP);
}

static void http_by_the_request(void **state)
{
	static const struct {
		const char *head, *metrics, *status;
	} cases[] = {
		{"GET /metrics HTTP/1.1\r\n\r\n", "m 1\n", "HTTP/1.1 200 OK\r\n"},
		{"GET /metrics?collect[]=meminfo HTTP/1.1\r\n\r\n", "m 1\n", "HTTP/1.1 200 OK\r\n"},
		{"GET /metrics\r\n\r\n", "m 1\n", "HTTP/1.1 200 OK\r\n"},
		{"GET /metrics HTTP/1.1\r\n\r\n", NULL, "HTTP/1.1 500 "},
		{"GET /metricsandmore HTTP/1.1\r\n\r\n", "m 1\n", "HTTP/1.1 404 "},
		{"GET / HTTP/1.1\r\n\r\n", "m 1\n", "HTTP/1.1 404 "},
		{"POST /metrics HTTP/1.1\r\n\r\n", "m 1\n", "HTTP/1.1 405 "},
		{"\n\n", "m 1\n", "HTTP/1.1 405 "},
	};
	char text[1024];
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t length = responder_http(cases[i].head, cases[i].metrics, text, sizeof(text));

		if (length != strlen(text) || strncmp(text, cases[i].status, strlen(cases[i].status)))
			fail_msg("\"%s\" was answered by \"%s\"", cases[i].head, text);
	}
	responder_http(cases[0].head, "m 1\n", text, sizeof(text));
	assert_non_null(strstr(text, "Content-Length: 4\r\n"));
	assert_non_null(strstr(text, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	assert_non_null(strstr(text, "\r\n\r\nm 1\n"));
}

static void a_small_buffer_is_not_overrun(void **state)
{
	char text[40];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(responder_metrics(&whole, &at, text, 32), 31);
	assert_int_equal(text[31], '\0');
	assert_int_equal(text[32], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_are_node_exporters),    cmocka_unit_test(what_the_source_lacks_is_left_out),
		cmocka_unit_test(the_line_is_agent_checks),      cmocka_unit_test(http_by_the_request),
		cmocka_unit_test(a_small_buffer_is_not_overrun),
	};

	return cmocka_run_group_tests_name("responder answer", tests, NULL, NULL);
}
