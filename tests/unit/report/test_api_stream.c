// SPDX-License-Identifier: GPL-2.0-or-later
#include "api_client.h"

/* A follower in a thread: takes lines until it has `wanted`, then leaves. */
struct follower {
	struct fixture *f;
	size_t wanted;
	struct reply reply;
	atomic_size_t lines;
	long status;
};

static size_t take_lines(char *data, size_t size, size_t n, void *userdata)
{
	struct follower *follower = userdata;

	take_reply(data, size, n, &follower->reply);
	for (size_t i = 0; i < size * n; i++)
		follower->lines += data[i] == '\n';
	return follower->lines >= follower->wanted ? 0 : size * n;
}

static void *follower_thread(void *arg)
{
	struct follower *follower = arg;
	CURL *curl = curl_easy_init();

	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, follower->f->socket);
	curl_easy_setopt(curl, CURLOPT_URL, "http://muster/v1/follow");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 20000L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_lines);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, follower);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &follower->reply);
	curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &follower->status);
	curl_easy_cleanup(curl);
	return NULL;
}

static void run_until_handled(struct fixture *f, int n)
{
	int64_t end_ms = clock_now_ms() + 3000;

	while (f->handled < n && clock_now_ms() < end_ms)
		sd_event_run(f->event, 10000);
	assert_int_equal(f->handled, n);
}

static void run_until_lines(struct follower *follower, size_t n)
{
	int64_t end_ms = clock_now_ms() + 5000;

	while (follower->lines < n && clock_now_ms() < end_ms)
		sd_event_run(follower->f->event, 1000);
}

static void test_lines_come_as_they_are_pushed(void **state)
{
	struct fixture *f = *state;
	struct follower follower = {.f = f, .wanted = 4};
	pthread_t thread;

	pthread_create(&thread, NULL, follower_thread, &follower);
	run_until_lines(&follower, 2);
	if (follower.lines != 2)
		fail_msg("the first two lines did not come before anything was pushed");
	api_push(f->api, "{\"seq\":3}", 9);
	run_until_lines(&follower, 3);
	if (follower.lines != 3)
		fail_msg("a pushed line did not come while the stream goes on");
	api_push(f->api, "{\"seq\":4}", 9);
	run_until_joined(f, thread);
	assert_int_equal(follower.status, 200);
	assert_string_equal(follower.reply.type, "application/x-ndjson");
	assert_string_equal(follower.reply.text, "{\"seq\":1}\n{\"seq\":2}\n{\"seq\":3}\n{\"seq\":4}\n");
	reply_clear(&follower.reply);
}

static void test_many_lines_in_order(void **state)
{
	struct fixture *f = *state;
	struct follower follower = {.f = f, .wanted = 20002};
	unsigned long seq = 0, wanted = 1;
	pthread_t thread;
	char line[64];

	pthread_create(&thread, NULL, follower_thread, &follower);
	run_until_handled(f, 1);
	for (int i = 3; i <= 20002; i++) {
		snprintf(line, sizeof(line), "{\"seq\":%d}", i);
		api_push(f->api, line, strlen(line));
		if (i % 1000 == 0)
			run_for(f, 5);
	}
	run_until_lines(&follower, 20002);
	run_until_joined(f, thread);
	for (char *at = follower.reply.text; at && *at; at = strchr(at, '\n') + 1) {
		if (sscanf(at, "{\"seq\":%lu}\n", &seq) != 1 || seq != wanted++)
			fail_msg("line %lu of the stream is \"%.40s\"", wanted - 1, at);
	}
	assert_int_equal(seq, 20002);
	reply_clear(&follower.reply);
}

static void test_lagging_follower_is_dropped(void **state)
{
	struct fixture *f = *state;
	struct follower follower = {.f = f, .wanted = 1 << 20};
	char line[1000], text[65536];
	struct pollfd hang_up;
	pthread_t thread;
	size_t heard = 0;
	ssize_t got;
	int fd = raw_ask(f, "/v1/follow"); /* never reads */

	pthread_create(&thread, NULL, follower_thread, &follower);
	run_until_handled(f, 2);
	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 3000; i++) {
		api_push(f->api, line, sizeof(line));
		if (i % 50 == 0)
			run_until_lines(&follower, (size_t)i + 3); /* the other one keeps up */
	}
	run_until_lines(&follower, 3002);
	run_for(f, 50);
	if (follower.lines != 3002)
		fail_msg("beside a lagging follower the other one got %zu of 3,002 lines", (size_t)follower.lines);
	hang_up = (struct pollfd){.fd = fd};
	poll(&hang_up, 1, 0);
	if (!(hang_up.revents & POLLHUP))
		fail_msg("a follower that lags 3 MB is still connected");
	while ((got = read(fd, text, sizeof(text))) > 0)
		heard += (size_t)got;
	if (heard > 1500000)
		fail_msg("a follower that was to lag by 1 MiB at most was given %zu bytes", heard);
	close(fd);
	api_free(&f->api);
	pthread_join(thread, NULL);
	reply_clear(&follower.reply);
}

static void test_followers_that_leave_free_their_places(void **state)
{
	struct fixture *f = *state;
	struct reply reply = {0};

	for (int i = 0; i < 100; i++) { /* and nothing is ever pushed */
		int fd = raw_ask(f, "/v1/follow");

		run_until_handled(f, i + 1);
		close(fd);
		run_for(f, 2);
	}
	ask(f, "GET", "/v1/echo", NULL, &reply);
	assert_int_equal(reply.status, 200);
	reply_clear(&reply);
}

static void test_followers_leave_room_for_calls(void **state)
{
	struct fixture *f = *state;
	struct reply reply = {0};
	int fds[32];

	for (int i = 0; i < 32; i++)
		fds[i] = raw_ask(f, "/v1/follow");
	run_until_handled(f, 32);
	ask(f, "GET", "/v1/follow", NULL, &reply);
	assert_int_equal(reply.status, 503);
	reply_clear(&reply);
	ask(f, "GET", "/v1/echo", NULL, &reply);
	assert_int_equal(reply.status, 200);
	reply_clear(&reply);
	for (int i = 0; i < 32; i++)
		close(fds[i]);
}

static void test_pushes_beside_leaving_followers(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 50; i++) {
		int fd = raw_ask(f, "/v1/follow");

		run_until_handled(f, i + 1);
		if (i % 2)
			shutdown(fd, SHUT_WR);
		api_push(f->api, "{}", 2);
		close(fd); /* with lines unread */
		api_push(f->api, "{}", 2);
		if (i % 3 == 0)
			run_for(f, 1);
	}
	run_for(f, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines_come_as_they_are_pushed, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(test_many_lines_in_order, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(test_lagging_follower_is_dropped, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(test_followers_that_leave_free_their_places, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(test_followers_leave_room_for_calls, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(test_pushes_beside_leaving_followers, api_setup, api_teardown),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests_name("report/api_stream", tests, NULL, NULL);
}
