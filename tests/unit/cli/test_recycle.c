// SPDX-License-Identifier: GPL-2.0-or-later
/* `muster recycle` against an agent that is a child process: what it waits for before it returns the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "cli/cli.h"

/* How the server is said to be at the first look, the second, and so on; the last one stays. */
static struct agent {
	const char *look[4];
	int looks, returned_at; /* how many there had been at the return; 0: it was not returned */
} * agent;

#define FIELDS(state, checked, level, read)                                                                            \
	"{\"servers\": [{\"name\": \"web-01\", \"health\": {\"check\": \"http\", \"state\": \"" state                  \
	"\", \"checked_age_ms\": " checked "}, \"memory\": {\"source\": \"node_exporter\", \"level\": \"" level        \
	"\", \"age_ms\": " read "}}]}"

static char folder[] = "/tmp/muster-test-XXXXXX";
static char path[64];
static pid_t child;

static const char *answer_to(const char *request)
{
	if (!strncmp(request, "GET /v1/status", 14))
		return "{\"services\": [{\"name\": \"web\", \"servers\": [{\"name\": \"web-01\"}]}]}";
	if (!strncmp(request, "GET /v1/flows/count", 19))
		return "{\"open\": 0}";
	if (!strncmp(request, "GET /v1/leases", 14))
		return "{\"leases\": [{\"id\": 7}]}";
	if (!strncmp(request, "GET /v1/server", 14)) {
		int at = agent->looks++;

		while (at && (at >= 4 || !agent->look[at]))
			at--;
		return agent->look[at];
	}
	if (!strncmp(request, "POST /v1/return", 15))
		agent->returned_at = agent->looks;
	return "{\"result\": \"done\", \"message\": \"\", \"changes\": [{\"server\": \"web-01\", \"lease\": 7}]}";
}

/* One after the other, so that nothing is counted twice. */
static void serve(int listener)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		char request[4096] = "";
		const char *length, *body, *text;
		ssize_t n, used = 0;

		while ((n = read(fd, request + used, sizeof(request) - 1 - (size_t)used)) > 0) {
			used += n;
			length = strcasestr(request, "content-length:");
			body = strstr(request, "\r\n\r\n");
			if (body && (!length || strlen(body + 4) >= (size_t)atoi(length + 15)))
				break;
		}
		/* One without a request only looks whether somebody is there. */
		if (used) {
			text = answer_to(request);
			dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
				strlen(text), text);
		}
		close(fd);
	}
}

static int start(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	agent = mmap(NULL, sizeof(*agent), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (agent == MAP_FAILED || !mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/s", folder);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (bind(listener, (struct sockaddr *)&sun, sizeof(sun)) < 0 || listen(listener, 8) < 0)
		return -1;
	child = fork();
	if (child == 0)
		serve(listener);
	close(listener);
	return child < 0 ? -1 : 0;
}

static int stop(void **state)
{
	(void)state;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	unlink(path);
	munmap(agent, sizeof(*agent));
	return rmdir(folder);
}

/* At which look it was returned. */
static int returned_at(const char *const look[4])
{
	char *words[] = {"recycle", "web-01", "--exec", "true"};
	struct session session = {.socket = path, .look.width = 80};
	int result;

	*agent = (struct agent){.look = {look[0], look[1], look[2], look[3]}};
	assert_int_equal(cli_parse(ARRAY_SIZE(words), words, &session.request, stderr), 0);
	session.look.out = fopen("/dev/null", "w");
	assert_non_null(session.look.out);
	result = run_recycle(&session);
	fclose(session.look.out);
	assert_int_equal(result, CLI_DONE);
	return agent->returned_at;
}

static void it_waits_for_memory_above_soft(void **state)
{
	(void)state;
	assert_int_equal(
		returned_at((const char *const[4]){FIELDS("up", "0", "hard", "0"), FIELDS("up", "0", "low", "0"),
						   FIELDS("up", "0", "good", "0")}),
		3);
}

static void it_waits_for_a_good_check(void **state)
{
	(void)state;
	assert_int_equal(
		returned_at((const char *const[4]){FIELDS("down", "0", "good", "0"), FIELDS("slow", "0", "good", "0"),
						   FIELDS("up", "0", "good", "0")}),
		3);
}

static void what_was_known_before_the_restart_counts_for_nothing(void **state)
{
	(void)state;
	assert_int_equal(
		returned_at((const char *const[4]){FIELDS("up", "60000", "good", "0"),
						   FIELDS("up", "0", "good", "60000"), FIELDS("up", "0", "good", "0")}),
		3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_waits_for_memory_above_soft),
		cmocka_unit_test(it_waits_for_a_good_check),
		cmocka_unit_test(what_was_known_before_the_restart_counts_for_nothing),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
