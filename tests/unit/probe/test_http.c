// SPDX-License-Identifier: GPL-2.0-or-later
/* HTTP checks against servers that answer well, wrongly, late, or not at all. */
#include <fcntl.h>
#include <sched.h>

#include "fixture.h"

#define TIMEOUT_MS 300
#define HTTP_OK    "HTTP/1.1 200 OK\r\n"

static struct check_conf check_default(void)
{
	return (struct check_conf){.type = CHECK_HTTP, .timeout_ms = TIMEOUT_MS, .interval_ms = 60000};
}

/* Asks a server of loopback once. */
static struct probe_result ask(const struct check_conf *check, struct server *server)
{
	struct probe_result result;

	assert_true(server_start(server));
	result = check_once(check, server->port, server->v6);
	server_stop(server);
	return result;
}

static void a_good_answer_passes(void **state)
{
	static struct server server = {.reply = HTTP_OK "Content-Length: 7\r\n\r\nweb-01\n"};
	struct check_conf check = check_default();
	struct probe_result result = ask(&check, &server);
	char wanted[64];

	(void)state;
	assert_outcome(&result, PROBE_OK, "HTTP 200");
	assert_int_equal(result.http_status, 200);
	assert_true(result.duration_ms < TIMEOUT_MS);
	assert_true(result.started_ms <= clock_now_ms() && result.started_ms > clock_now_ms() - 5000);
	snprintf(wanted, sizeof(wanted), "Host: 127.0.0.1:%u\r\n", server.port);
	assert_non_null(strstr(server.request, "GET / HTTP/1.1\r\n"));
	assert_non_null(strstr(server.request, wanted));
	assert_non_null(strstr(server.request, "Connection: close\r\n"));
}

static void over_ipv6_too(void **state)
{
	static struct server server = {.reply = HTTP_OK "\r\nweb-01\n", .v6 = true};
	struct check_conf check = check_default();
	struct probe_result result;

	(void)state;
	if (!server_start(&server)) {
		printf("# no IPv6 on loopback\n");
		skip();
	}
	result = check_once(&check, server.port, true);
	server_stop(&server);
	assert_outcome(&result, PROBE_OK, "HTTP 200");
}

static void method_path_and_host_are_as_configured(void **state)
{
	static struct server server = {.reply = HTTP_OK "Content-Length: 100\r\n\r\n"};
	struct check_conf check = check_default();
	struct probe_result result;

	(void)state;
	check.method = "HEAD";
	check.path = "/../health?full=1";
	check.host = "shop.example";
	result = ask(&check, &server);
	assert_outcome(&result, PROBE_OK, "HTTP 200");
	assert_non_null(strstr(server.request, "HEAD /../health?full=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(server.request, "Host: shop.example\r\n"));
}

static void a_proxy_in_the_environment_is_not_used(void **state)
{
	static struct server server = {.reply = HTTP_OK "Content-Length: 0\r\n\r\n"};
	struct check_conf check = check_default();
	struct probe_result result;

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	result = ask(&check, &server);
	unsetenv("http_proxy");
	assert_outcome(&result, PROBE_OK, "HTTP 200");
}

static void refused(void **state)
{
	struct check_conf check = check_default();
	struct probe_result result = check_once(&check, port_closed(), false);

	(void)state;
	assert_outcome(&result, PROBE_REFUSED, "Connection refused");
	assert_false(probe_outcome_tcp(result.outcome));
}

static void no_answer_to_connect(void **state)
{
	struct check_conf check = check_default();
	struct full_queue queue;
	struct probe_result result;

	(void)state;
	full_queue_start(&queue);
	result = check_once(&check, queue.port, false);
	full_queue_stop(&queue);
	assert_outcome(&result, PROBE_CONNECT_TIMEOUT, "no answer to connect within 300 ms");
	assert_in_range(result.duration_ms, TIMEOUT_MS - 5, TIMEOUT_MS + 1000);
	assert_false(probe_outcome_tcp(result.outcome));
}

static void no_answer_after_connect(void **state)
{
	static struct server server;
	struct check_conf check = check_default();
	struct probe_result result = ask(&check, &server);

	(void)state;
	assert_outcome(&result, PROBE_TIMEOUT, "but no answer within 300 ms");
	assert_in_range(result.duration_ms, TIMEOUT_MS - 5, TIMEOUT_MS + 1000);
	assert_true(probe_outcome_tcp(result.outcome));
}

static void a_slow_drip_does_not_outlast_the_timeout(void **state)
{
	static struct server server = {.reply = HTTP_OK "Content-Length: 5000\r\n\r\ndrop by drop, and so on",
				       .drip_ms = 6};
	struct check_conf check = check_default();
	struct probe_result result = ask(&check, &server);

	(void)state;
	assert_outcome(&result, PROBE_TIMEOUT, "HTTP 200 came, but its body not within 300 ms");
	assert_in_range(result.duration_ms, TIMEOUT_MS - 5, TIMEOUT_MS + 1000);
}

static void network_unreachable(void **state)
{
	struct check_conf check = check_default();
	struct probe_result result;
	int home;

	(void)state;
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0 || unshare(CLONE_NEWNET) < 0) {
		printf("# only root may make an empty network namespace\n");
		skip();
	}
	result = check_once(&check, 80, false);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	close(home);
	assert_outcome(&result, PROBE_UNREACHABLE, "Network is unreachable");
}

/* What the server sends, and how that ends. */
static void answers_and_their_outcomes(void **state)
{
	static const struct {
		const char *reply;
		bool reset;
		enum probe_outcome outcome;
		const char *detail;
	} cases[] = {
		{HTTP_OK "\r\nno length, closed at the end", false, PROBE_OK, "HTTP 200"},
		{HTTP_OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", false, PROBE_OK, "HTTP 200"},
		{"HTTP/1.0 204 No Content\r\n\r\n", false, PROBE_OK, "HTTP 204"},
		{"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n", false, PROBE_OK,
		 "HTTP 302"},
		{"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops", false, PROBE_WRONG_STATUS,
		 "HTTP 500, wanted 200-399"},
		{"HTTP/1.1 404 No\r\n\r\n", false, PROBE_WRONG_STATUS, "HTTP 404, wanted 200-399"},
		{"SSH-2.0-OpenSSH_9.2\r\n", false, PROBE_NOT_HTTP, "not HTTP"},
		{"", false, PROBE_CLOSED, "closed before"},
		{HTTP_OK "Content-Length: 100\r\n\r\nshort", false, PROBE_CLOSED, "95 bytes remaining"},
		{HTTP_OK "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n", false, PROBE_UNREADABLE, "hunk"},
		{NULL, true, PROBE_RESET, "reset"},
		{HTTP_OK "Content-Length: 100\r\n\r\nshort", true, PROBE_RESET, "reset"},
	};
	static struct server server;
	struct check_conf check = check_default();
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct probe_result result;

		server = (struct server){.reply = cases[i].reply, .reset = cases[i].reset};
		result = ask(&check, &server);
		assert_outcome(&result, cases[i].outcome, cases[i].detail);
		assert_true(probe_outcome_tcp(result.outcome) || result.outcome == PROBE_OK);
	}
}

static void status_ranges(void **state)
{
	static const struct {
		const char *reply;
		enum probe_outcome outcome;
	} cases[] = {
		{"HTTP/1.1 404 a\r\nContent-Length: 0\r\n\r\n", PROBE_OK},
		{"HTTP/1.1 200 a\r\nContent-Length: 0\r\n\r\n", PROBE_OK},
		{"HTTP/1.1 204 a\r\nContent-Length: 0\r\n\r\n", PROBE_OK},
		{"HTTP/1.1 205 a\r\nContent-Length: 0\r\n\r\n", PROBE_WRONG_STATUS},
		{"HTTP/1.1 403 a\r\nContent-Length: 0\r\n\r\n", PROBE_WRONG_STATUS},
	};
	static struct server server;
	struct check_conf check = check_default();
	unsigned i;

	(void)state;
	check.status[0] = (struct status_range){200, 204};
	check.status[1] = (struct status_range){404, 404};
	check.n_status = 2;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct probe_result result;

		server = (struct server){.reply = cases[i].reply};
		result = ask(&check, &server);
		assert_outcome(&result, cases[i].outcome,
			       cases[i].outcome == PROBE_OK ? "HTTP" : "wanted 200-204 or 404");
	}
}

/* An answer of `before` bytes of filling, then "ready", then `after` bytes, with no length said. */
static struct probe_result ask_for_ready(size_t before, size_t after, unsigned drip_ms)
{
	static struct server server;
	struct check_conf check = check_default();
	static const char head[] = HTTP_OK "\r\n";
	size_t head_length = sizeof(head) - 1, length = head_length + before + 5 + after;
	char *reply = malloc(length + 1);
	struct probe_result result;

	memcpy(reply, head, head_length);
	memset(reply + head_length, '.', before);
	memcpy(reply + head_length + before, "ready", 5);
	memset(reply + head_length + before + 5, '.', after);
	reply[length] = '\0';
	server = (struct server){.reply = reply, .length = length, .drip_ms = drip_ms};
	check.body = "ready";
	check.timeout_ms = 2000;
	result = ask(&check, &server);
	free(reply);
	return result;
}

static void wanted_text_in_the_body(void **state)
{
	struct probe_result result;

	(void)state;
	result = ask_for_ready(0, 0, 0);
	assert_outcome(&result, PROBE_OK, "HTTP 200");
	/* a byte at a time: the text lies over several reads */
	result = ask_for_ready(3, 3, 2);
	assert_outcome(&result, PROBE_OK, "HTTP 200");
	/* over the border of curl's buffer of 16 KiB */
	result = ask_for_ready(16384 - 2, 100, 0);
	assert_outcome(&result, PROBE_OK, "HTTP 200");
	/* the last place that counts, and the first that does not */
	result = ask_for_ready(65536 - 5, 100000, 0);
	assert_outcome(&result, PROBE_OK, "HTTP 200");
	result = ask_for_ready(65536 - 4, 100000, 0);
	assert_outcome(&result, PROBE_WRONG_BODY, "\"ready\" is not in the first 65536 bytes");
	assert_true(probe_outcome_tcp(result.outcome));
}

static void a_body_without_end_is_read_to_64_kib_only(void **state)
{
	static struct server server;
	struct check_conf check = check_default();
	static const char head[] = HTTP_OK "Content-Length: 1000000000\r\n\r\n";
	size_t length = 100000;
	char *reply = malloc(length);
	struct probe_result result;

	(void)state;
	memset(reply, 'x', length);
	memcpy(reply, head, sizeof(head) - 1);
	server = (struct server){.reply = reply, .length = length};
	check.timeout_ms = 2000;
	result = ask(&check, &server);
	free(reply);
	assert_outcome(&result, PROBE_OK, "HTTP 200");
}

static void headers_without_end_are_not_kept(void **state)
{
	static struct server server;
	struct check_conf check = check_default();
	size_t length = 4 << 20, at = strlen(HTTP_OK);
	char *reply = malloc(length);
	struct probe_result result;

	(void)state;
	memcpy(reply, HTTP_OK, at);
	for (; at + 8 <= length; at += 8)
		memcpy(reply + at, "X: abc\r\n", 8);
	server = (struct server){.reply = reply, .length = at};
	check.timeout_ms = 2000;
	result = ask(&check, &server);
	assert_outcome(&result, PROBE_UNREADABLE, "more than 65536 bytes of headers");
	/* one line without end */
	memset(reply + strlen(HTTP_OK), 'x', length - strlen(HTTP_OK));
	server = (struct server){.reply = reply, .length = length};
	result = ask(&check, &server);
	assert_outcome(&result, PROBE_UNREADABLE, "could not be understood");
	free(reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_answer_passes),
		cmocka_unit_test(over_ipv6_too),
		cmocka_unit_test(method_path_and_host_are_as_configured),
		cmocka_unit_test(a_proxy_in_the_environment_is_not_used),
		cmocka_unit_test(refused),
		cmocka_unit_test(no_answer_to_connect),
		cmocka_unit_test(no_answer_after_connect),
		cmocka_unit_test(a_slow_drip_does_not_outlast_the_timeout),
		cmocka_unit_test(network_unreachable),
		cmocka_unit_test(answers_and_their_outcomes),
		cmocka_unit_test(status_ranges),
		cmocka_unit_test(wanted_text_in_the_body),
		cmocka_unit_test(a_body_without_end_is_read_to_64_kib_only),
		cmocka_unit_test(headers_without_end_are_not_kept),
	};

	return cmocka_run_group_tests_name("probe http", tests, NULL, NULL);
}
