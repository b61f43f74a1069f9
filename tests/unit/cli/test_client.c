// SPDX-License-Identifier: GPL-2.0-or-later
/* The client against a small server on a unix socket, a child process that answers by the path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "cli/client.h"
#include "cli/grammar.h"

static char folder[] = "/tmp/muster-test-XXXXXX";
static char path[64];
static pid_t server;

static void reply(int fd, int status, const char *body)
{
	dprintf(fd, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status, strlen(body), body);
}

static void answer(int fd)
{
	char request[4096] = "";
	ssize_t n, used = 0;
	const char *body;

	/* until the head, and the body that its length promises, are there */
	while ((n = read(fd, request + used, sizeof(request) - 1 - (size_t)used)) > 0) {
		const char *length = strcasestr(request, "content-length:");

		used += n;
		request[used] = 0;
		body = strstr(request, "\r\n\r\n");
		if (body && (!length || strlen(body + 4) >= (size_t)atoi(length + 15)))
			break;
	}
	if (strncmp(request, "GET /v1/storage", 15) == 0)
		reply(fd, 200, "{\"schema\": 1, \"busy_ms\": 3000}");
	else if (strncmp(request, "POST /v1/slow", 13) == 0 && sleep(2) == 0)
		reply(fd, 200, "{\"schema\": 1, \"result\": \"done\"}");
	else if (strncmp(request, "POST /v1/echo", 13) == 0)
		reply(fd, 409, strstr(request, "\r\n\r\n") + 4);
	else if (strncmp(request, "GET /v1/lines", 13) == 0) {
		dprintf(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\none\ntw");
		usleep(50000);
		dprintf(fd, "o\n\nthree\n");
	} else if (strncmp(request, "GET /v1/full", 12) == 0)
		reply(fd, 503, "{\"result\": \"failed\", \"message\": \"too many followers\"}");
	else if (strncmp(request, "GET /v1/text", 12) == 0)
		reply(fd, 200, "not json");
	else
		reply(fd, 404, "{\"result\": \"not_found\"}");
}

static void serve(int listener)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fork() == 0) {
			answer(fd);
			_exit(0);
		}
		close(fd);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

static int start(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/s", folder);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (bind(listener, (struct sockaddr *)&sun, sizeof(sun)) < 0 || listen(listener, 8) < 0)
		return -1;
	server = fork();
	if (server == 0)
		serve(listener);
	close(listener);
	return server < 0 ? -1 : 0;
}

static int stop(void **state)
{
	(void)state;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	unlink(path);
	return rmdir(folder);
}

/* Standard error of what runs between the two. */
static int saved_stderr;
static void catch_errors(void)
{
	char name[96];
	int fd;

	snprintf(name, sizeof(name), "%s/errors", folder);
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	unlink(name);
	fflush(stderr);
	saved_stderr = dup(STDERR_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

static const char *caught_errors(void)
{
	static char text[4096];
	ssize_t n;

	fflush(stderr);
	n = pread(STDERR_FILENO, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = 0;
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	return text;
}

static void test_body_and_status(void **state)
{
	struct answer got;

	(void)state;
	assert_int_equal(client_call(path, "/v1/echo", json_pack("{s:s}", "result", "refused"), &got), 0);
	assert_int_equal(got.status, 409);
	assert_string_equal(got.text, "{\"result\":\"refused\"}");
	assert_int_equal(client_exit(&got), CLI_REFUSED);
	answer_free(&got);
	assert_int_equal(client_call(path, "/v1/nothing", NULL, &got), 0);
	assert_int_equal(client_exit(&got), CLI_NOT_FOUND);
	answer_free(&got);
	assert_int_equal(client_call(path, "/v1/text", NULL, &got), 0);
	if (got.json)
		fail_msg("text that is no JSON was read as JSON");
	answer_free(&got);
}

static void test_waiting(void **state)
{
	struct answer got;
	const char *errors;
	int error;

	(void)state;
	catch_errors();
	error = client_call(path, "/v1/slow", json_object(), &got);
	errors = caught_errors();
	assert_int_equal(error, 0);
	assert_int_equal(client_exit(&got), CLI_DONE);
	if (strcmp(errors, "muster: waiting: the order is not on disk yet (the disk has been busy for 3 s)\n") != 0)
		fail_msg("an order that waits two seconds says '%s'", errors);
	answer_free(&got);
}

static void unreachable(const char *socket_path, int want_error, const char *want)
{
	struct answer got;
	const char *errors;
	int error;

	catch_errors();
	error = client_call(socket_path, "/v1/status", NULL, &got);
	errors = caught_errors();
	if (error != want_error || !strstr(errors, want) || !strstr(errors, socket_path))
		fail_msg("%s: error %d, said '%s'", socket_path, error, errors);
	catch_errors();
	error = client_try(socket_path, "/v1/status", NULL, &got);
	errors = caught_errors();
	if (error != want_error || (*errors != 0) != (want_error == -EACCES))
		fail_msg("%s, tried: error %d, said '%s'", socket_path, error, errors);
}

static void test_no_agent(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char dead[64];

	(void)state;
	unreachable("/nonexistent/muster.sock", -ENOENT, "is musterd running?");
	snprintf(dead, sizeof(dead), "%s/dead", folder);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", dead);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	unreachable(dead, -ECONNREFUSED, "nobody listens there any more");
	unlink(dead);
}

static void test_not_allowed(void **state)
{
	int status;
	pid_t child;

	(void)state;
	if (geteuid() != 0) {
		print_message("only root can become somebody who is not allowed\n");
		skip();
	}
	chmod(folder, 0755);
	chmod(path, 0600);
	child = fork();
	if (child == 0) {
		struct answer got;

		close(STDERR_FILENO);
		_exit(setuid(65534) == 0 && client_call(path, "/v1/storage", NULL, &got) == -EACCES ? 0 : 1);
	}
	waitpid(child, &status, 0);
	if (status != 0)
		fail_msg("a closed socket is not reported as one");
}

static bool take_line(void *context, const char *line, size_t length)
{
	char *all = context;

	snprintf(all + strlen(all), 64 - strlen(all), "[%.*s]", (int)length, line);
	return !strstr(all, "stop");
}

static void test_follow(void **state)
{
	char all[64] = "";
	const char *errors;
	int error;

	(void)state;
	assert_int_equal(client_follow(path, "/v1/lines", take_line, all), 0);
	assert_string_equal(all, "[one][two][three]");
	snprintf(all, sizeof(all), "stop");
	assert_int_equal(client_follow(path, "/v1/lines", take_line, all), 0);
	assert_string_equal(all, "stop[one]");
	catch_errors();
	error = client_follow(path, "/v1/full", take_line, all);
	errors = caught_errors();
	assert_int_equal(error, -EPROTO);
	assert_string_equal(errors, "muster: following events failed: too many followers\n");
}

static void test_query(void **state)
{
	char *text = strdup("/v1/flows");

	(void)state;
	client_query(&text, "server", "a b&c");
	client_query(&text, "client", NULL);
	client_query(&text, "most", "5");
	assert_string_equal(text, "/v1/flows?server=a%20b%26c&most=5");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_body_and_status), cmocka_unit_test(test_waiting), cmocka_unit_test(test_no_agent),
		cmocka_unit_test(test_not_allowed),     cmocka_unit_test(test_follow),  cmocka_unit_test(test_query),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
