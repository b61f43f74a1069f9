// SPDX-License-Identifier: GPL-2.0-or-later
/* `muster check` as a monitoring system meets it: one line with figures, and an exit status, by what musterd answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "cli/cli.h"

static char folder[] = "/tmp/muster-test-XXXXXX";
static char path[64];

/* A musterd that gives this answer to all callers; its process. */
static pid_t musterd(const char *status, const char *body)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	assert_int_equal(bind(listener, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(listener, 1), 0);
	pid = fork();
	while (pid == 0) {
		int fd = accept(listener, NULL, NULL);
		char request[4096];

		/* Whoever only looks whether somebody is there asks nothing. */
		if (read(fd, request, sizeof(request)) > 0)
			dprintf(fd, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status,
				strlen(body), body);
		close(fd);
	}
	close(listener);
	return pid;
}

/* The line and the exit status of `muster check [--expect NAMES]`, which that musterd answers; status NULL: none does. */
static int check(const char *status, const char *body, char *expect, char *line, size_t size)
{
	char *words[] = {"check", "--expect", expect};
	pid_t pid = status ? musterd(status, body) : 0;
	FILE *out = tmpfile();
	int saved = dup(STDOUT_FILENO), result;
	struct session session = {.socket = path, .look = {.out = stdout}};
	size_t n;

	assert_non_null(out);
	assert_int_equal(cli_parse(expect ? 3 : 1, words, &session.request, stderr), 0);
	fflush(stdout);
	dup2(fileno(out), STDOUT_FILENO);
	result = run_check(&session);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(out);
	n = fread(line, 1, size - 1, out);
	line[n] = '\0';
	fclose(out);
	if (pid) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	unlink(path);
	return result;
}

static void says(const char *line, const char *part)
{
	if (!strstr(line, part))
		fail_msg("no \"%s\" in: %s", part, line);
	if (!strchr(line, '\n') || strchr(line, '\n')[1])
		fail_msg("not one line: %s", line);
}

#define SERVER(name, slots)                                                                                            \
	"{\"service\": \"web\", \"name\": \"" name "\", \"healthy\": true, \"declared\": 1, \"effective\": 1, "        \
	"\"slots\": " slots ", \"of_slots\": 2, \"share_pct\": 50, \"live_flows\": 7}"
#define FINDING(severity)                                                                                              \
	"{\"severity\": \"" severity "\", \"service\": \"web\", \"server\": \"web-02\", \"meaning\": \"it is\", "      \
	"\"text\": \"so\", \"next\": \"do\"}"
#define AUDIT(worst, findings, slots)                                                                                  \
	"{\"worst\": " worst ", \"findings\": [" findings                                                              \
	"], \"servers\": [" SERVER("web-01", "1") ", " SERVER("web-02", slots) "]}"

static void by_the_worst_finding(void **state)
{
	char line[2048];

	(void)state;
	assert_int_equal(check("200 OK", AUDIT("null", "", "1"), NULL, line, sizeof(line)), 0);
	says(line, "MUSTER OK - every server serves as declared | ");
	assert_int_equal(check("200 OK", AUDIT("\"notice\"", FINDING("notice"), "1"), NULL, line, sizeof(line)), 0);
	says(line, "MUSTER OK - web/web-02: it is (so); next: do | ");
	assert_int_equal(check("200 OK", AUDIT("\"warning\"", FINDING("notice") "," FINDING("warning"), "1"), NULL,
			       line, sizeof(line)),
			 1);
	says(line, "MUSTER WARNING - web/web-02: it is (so); next: do | ");
	assert_int_equal(check("200 OK", AUDIT("\"critical\"", FINDING("critical") "," FINDING("critical"), "1"), NULL,
			       line, sizeof(line)),
			 2);
	says(line, "MUSTER CRITICAL - web/web-02: it is (so); next: do; and 1 more | ");
}

static void by_whom_it_expects(void **state)
{
	char line[2048];

	(void)state;
	assert_int_equal(check("200 OK", AUDIT("null", "", "1"), "web-01,web/web-02", line, sizeof(line)), 0);
	assert_int_equal(check("200 OK", AUDIT("null", "", "0"), "web-01,web-02", line, sizeof(line)), 2);
	says(line, "MUSTER CRITICAL - web/web-02: healthy, weight 1 of 1, 0 of 2 slots | ");
	assert_int_equal(check("200 OK", AUDIT("null", "", "0"), "web-01", line, sizeof(line)), 0);
	assert_int_equal(check("200 OK", AUDIT("null", "", "1"), "web-09", line, sizeof(line)), 2);
	says(line, "web-09: no service declares it");
}

/* 'label'=value[unit];warn;crit;min;max, after one bar. */
static void the_figures(void **state)
{
	char line[2048];

	(void)state;
	check("200 OK", AUDIT("null", "", "0"), NULL, line, sizeof(line));
	assert_string_equal(strchr(line, '|'), "| serving=1;;;0;2 'web/web-01 share'=50.0%;;;0;100 "
					       "'web/web-01 flows'=7;;;0 'web/web-02 share'=50.0%;;;0;100 "
					       "'web/web-02 flows'=7;;;0\n");
}

static void what_cannot_be_read_is_unknown(void **state)
{
	char line[2048];

	(void)state;
	assert_int_equal(check("500 Oh", "{}", NULL, line, sizeof(line)), 3);
	says(line, "MUSTER UNKNOWN - musterd's answer (HTTP 500) cannot be read");
	assert_int_equal(check("200 OK", "not json", NULL, line, sizeof(line)), 3);
	says(line, "MUSTER UNKNOWN - ");
}

static void nobody_is_critical(void **state)
{
	char line[2048];

	(void)state;
	assert_int_equal(check(NULL, NULL, NULL, line, sizeof(line)), 2);
	says(line, "MUSTER CRITICAL - no musterd answers on ");
}

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/s", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_the_worst_finding), cmocka_unit_test(by_whom_it_expects),
		cmocka_unit_test(the_figures),          cmocka_unit_test(what_cannot_be_read_is_unknown),
		cmocka_unit_test(nobody_is_critical),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
