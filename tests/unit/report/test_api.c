// SPDX-License-Identifier: GPL-2.0-or-later
#include "api_client.h"

static void expect_reply(struct reply *reply, long status, const char *part)
{
	if (reply->status != status || !reply->text || !strstr(reply->text, part))
		fail_msg("wanted %ld with '%s', got %ld: %.300s", status, part, reply->status,
			 reply->text ? reply->text : "(nothing)");
	reply_clear(reply);
}

static void test_answers(void **state)
{
	struct fixture *f = *state;
	struct reply reply = {0};

	ask(f, "GET", "/v1/echo?word=a%20b", NULL, &reply);
	assert_string_equal(reply.type, "application/json");
	assert_int_equal(reply.text[reply.length - 1], '\n');
	expect_reply(&reply, 200, "{\"body\":{},\"word\":\"a b\",");
	ask(f, "POST", "/v1/echo", "{\"server\":\"web-02\"}", &reply);
	expect_reply(&reply, 200, "{\"body\":{\"server\":\"web-02\"},\"word\":\"(none)\",");
	ask(f, "GET", "/v1/echo?word=%ff", NULL, &reply); /* not UTF-8 */
	expect_reply(&reply, 200, "\"word\":\"(none)\"");
}

static void test_one_connection_for_many_calls(void **state)
{
	struct fixture *f = *state;
	struct reply reply = {0};
	struct request r = {f, "GET", "/v1/echo", NULL, 0, 500, &reply, CURLE_OK};
	pthread_t thread;

	pthread_create(&thread, NULL, curl_thread, &r);
	run_until_joined(f, thread);
	assert_int_equal(r.code, CURLE_OK);
	assert_int_equal(f->handled, 500);
	reply_clear(&reply);
}

static void test_peer_is_known(void **state)
{
	struct fixture *f = *state;
	struct reply reply = {0};
	char wanted[64];

	ask(f, "GET", "/v1/echo", NULL, &reply);
	snprintf(wanted, sizeof(wanted), "\"pid\":%d,\"uid\":%d,", (int)getpid(), (int)getuid());
	if (getuid() == 0 && !strstr(reply.text, "\"name\":\"root (uid 0)\"") && !strstr(reply.text, "(uid "))
		fail_msg("the peer has no name: %s", reply.text);
	expect_reply(&reply, 200, wanted);
}

static void test_wrong_requests(void **state)
{
	struct fixture *f = *state;
	struct reply reply = {0};

	ask(f, "GET", "/v1/nothing", NULL, &reply);
	expect_reply(&reply, 404,
		     "{\"schema\":1,\"result\":\"not_found\",\"message\":\"there is nothing at /v1/nothing\"}");
	ask(f, "GET", "/%ff%1b", NULL, &reply);
	expect_reply(&reply, 404, "\"result\":\"not_found\"");
	ask(f, "GET", "/v1/late", NULL, &reply);
	assert_string_equal(reply.allow, "POST");
	expect_reply(&reply, 405, "\"result\":\"usage\",\"message\":\"GET is not possible on /v1/late; use POST\"");
	ask(f, "POST", "/v1/echo", "{\"server\":\n web-02}", &reply);
	expect_reply(&reply, 400, "line 2 column");
	ask(f, "POST", "/v1/echo", "[1]", &reply);
	expect_reply(&reply, 400, "not an object");
	ask(f, "POST", "/v1/echo", "{\"a\":1,\"a\":2}", &reply);
	expect_reply(&reply, 400, "line 1");
	ask(f, "POST", "/v1/echo", "{\"a\":\"\xff\"}", &reply);
	expect_reply(&reply, 400, "line 1");
	assert_int_equal(f->handled, 0);
}

static void test_body_limit(void **state)
{
	struct fixture *f = *state;
	struct reply reply = {0};
	size_t size = 1024 * 1024;
	char *body = malloc(size + 2);

	memset(body, ' ', size + 2);
	body[0] = '{';
	body[size - 1] = '}';
	ask_bytes(f, "POST", "/v1/echo", body, size, &reply);
	expect_reply(&reply, 200, "\"body\":{}");
	ask_bytes(f, "POST", "/v1/echo", body, size + 1, &reply);
	expect_reply(&reply, 413, "longer than 1 MiB");
	assert_int_equal(f->handled, 1);
	free(body);
}

static void *raw_reader(void *arg)
{
	int *fd = arg;
	char text[4096];
	ssize_t got = read(*fd, text, sizeof(text) - 1);

	close(*fd);
	text[got > 0 ? got : 0] = '\0';
	*fd = 0;
	sscanf(text, "HTTP/1.1 %d", fd);
	return NULL;
}

static void test_header_limit(void **state)
{
	struct fixture *f = *state;
	size_t size = 64 * 1024;
	char *text = malloc(size + 64);
	pthread_t thread;
	int fd;

	memset(text, 'x', size + 63);
	memcpy(text, "GET /v1/echo HTTP/1.1\r\nHost: ", 29);
	memcpy(text + size, "\r\n\r\n", 5);
	fd = raw_connect(f, text);
	free(text);
	pthread_create(&thread, NULL, raw_reader, &fd);
	run_until_joined(f, thread);
	if (fd < 400 || fd > 499)
		fail_msg("64 KiB of headers were answered with %d", fd);
	assert_int_equal(f->handled, 0);
}

static void test_late_answers(void **state)
{
	struct fixture *f = *state;
	struct reply replies[20] = {0};
	struct request requests[20];
	pthread_t threads[20];

	for (int i = 0; i < 20; i++) {
		requests[i] = (struct request){f, "POST", "/v1/late", "{}", 2, 5, &replies[i], CURLE_OK};
		pthread_create(&threads[i], NULL, curl_thread, &requests[i]);
	}
	for (int i = 0; i < 20; i++) {
		run_until_joined(f, threads[i]);
		assert_int_equal(requests[i].code, CURLE_OK);
		expect_reply(&replies[i], 200, "done");
	}
}

static void run_until_held(struct fixture *f, size_t n)
{
	int64_t end_ms = clock_now_ms() + 5000;

	while (f->n_held < n && clock_now_ms() < end_ms)
		sd_event_run(f->event, 1000);
	assert_int_equal(f->n_held, n);
}

static void test_peer_leaves_before_its_answer(void **state)
{
	struct fixture *f = *state;
	struct reply reply = {0};

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 100; i++) { /* more than the limit of connections */
			int fd = raw_ask(f, "/v1/hold");

			run_until_held(f, (size_t)i + 1);
			close(fd);
		}
		run_for(f, 50);
		ask(f, "GET", "/v1/echo", NULL, &reply); /* those who left take no connection any more */
		expect_reply(&reply, 200, "body");
		while (f->n_held > 0)
			answer_done(f->held[--f->n_held]);
		run_for(f, 20);
	}
}

static void test_peer_leaves_as_it_is_answered(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 50; i++) {
		int fd = raw_ask(f, "/v1/hold");

		while (f->n_held == 0)
			sd_event_run(f->event, 10000);
		close(fd);
		answer_done(f->held[--f->n_held]); /* the loop has not heard of it yet */
		run_for(f, 1);
	}
}

static void test_waiting_calls_cost_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t before, after;
	int fds[20];

	for (int i = 0; i < 20; i++)
		fds[i] = raw_ask(f, i % 2 ? "/v1/hold" : "/v1/follow");
	run_for(f, 100);
	sd_event_get_iteration(f->event, &before);
	run_for(f, 500);
	sd_event_get_iteration(f->event, &after);
	if (after - before > 10)
		fail_msg("20 calls that wait turned the loop %llu times in half a second",
			 (unsigned long long)(after - before));
	while (f->n_held > 0)
		answer_done(f->held[--f->n_held]);
	run_for(f, 50);
	for (int i = 0; i < 20; i++)
		close(fds[i]);
}

static void test_free_with_calls_pending(void **state)
{
	struct fixture *f = *state;
	int fds[12];

	for (int i = 0; i < 12; i++)
		fds[i] = raw_ask(f, i % 3 == 0 ? "/v1/follow" : i % 3 == 1 ? "/v1/hold" : "/v1/late");
	run_until_held(f, 4);
	close(fds[1]); /* one has left already */
	api_push(f->api, "{}", 2);
	api_free(&f->api);
	run_for(f, 50); /* the late ones answer into the void */
	while (f->n_held > 0)
		answer_done(f->held[--f->n_held]);
	for (int i = 0; i < 12; i++) {
		if (i != 1)
			close(fds[i]);
	}
}

static void test_connection_limit_and_idle_time(void **state)
{
	struct fixture *f = *state;
	struct reply reply = {0};
	int64_t start_ms = clock_now_ms(), took_ms;
	int fds[64];

	for (int i = 0; i < 64; i++)
		fds[i] = raw_connect(f, i % 2 ? "GET /v1" : NULL);
	run_for(f, 50);
	ask(f, "GET", "/v1/echo", NULL, &reply); /* waits until an idle one is closed */
	took_ms = clock_now_ms() - start_ms;
	expect_reply(&reply, 200, "body");
	if (took_ms < 8000 || took_ms > 18000)
		fail_msg("a call behind 64 idle connections was answered after %lld ms; 10 s are theirs",
			 (long long)took_ms);
	for (int i = 0; i < 64; i++)
		close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(test_one_connection_for_many_calls, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(test_peer_is_known, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(test_wrong_requests, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(test_body_limit, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(test_header_limit, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(test_late_answers, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(test_peer_leaves_before_its_answer, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(test_peer_leaves_as_it_is_answered, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(test_waiting_calls_cost_nothing, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(test_free_with_calls_pending, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(test_connection_limit_and_idle_time, api_setup, api_teardown),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests_name("report/api", tests, NULL, NULL);
}
