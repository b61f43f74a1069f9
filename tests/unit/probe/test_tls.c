// SPDX-License-Identifier: GPL-2.0-or-later
/* HTTPS checks against `openssl s_server` with a certificate of its own making. */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "fixture.h"

extern char **environ;

struct tls {
	char dir[64], ca[96], key[96];
	uint16_t port;
	pid_t pid;
};

static struct check_conf check_default(const struct tls *tls)
{
	return (struct check_conf){.type = CHECK_HTTPS,
				   .timeout_ms = 2000,
				   .interval_ms = 60000,
				   .host = "shop.example",
				   .tls_verify = true,
				   .ca_file = (char *)tls->ca};
}

static bool answers(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good;

	to.sin_port = htons(port);
	good = !connect(fd, (struct sockaddr *)&to, sizeof(to));
	close(fd);
	return good;
}

static int set_up(void **state)
{
	static struct tls tls;
	char command[512], accept[32];
	char *argv[] = {"openssl", "s_server", "-quiet", "-www",  "-accept", accept,
			"-cert",   tls.ca,     "-key",   tls.key, NULL};
	posix_spawn_file_actions_t actions;
	unsigned i;

	strcpy(tls.dir, "/tmp/muster-tls-XXXXXX");
	if (!mkdtemp(tls.dir))
		return -1;
	snprintf(tls.ca, sizeof(tls.ca), "%s/cert", tls.dir);
	snprintf(tls.key, sizeof(tls.key), "%s/key", tls.dir);
	snprintf(command, sizeof(command),
		 "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=shop "
		 "-addext subjectAltName=DNS:shop.example -keyout %s -out %s 2>/dev/null",
		 tls.key, tls.ca);
	if (system(command))
		return -1;
	tls.port = port_closed();
	snprintf(accept, sizeof(accept), "127.0.0.1:%u", tls.port);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&tls.pid, argv[0], &actions, NULL, argv, environ))
		return -1;
	posix_spawn_file_actions_destroy(&actions);
	for (i = 0; i < 250 && !answers(tls.port); i++)
		usleep(20000);
	*state = &tls;
	return i < 250 ? 0 : -1;
}

static int tear_down(void **state)
{
	struct tls *tls = *state;

	kill(tls->pid, SIGKILL);
	waitpid(tls->pid, NULL, 0);
	unlink(tls->ca);
	unlink(tls->key);
	return rmdir(tls->dir);
}

static void a_certificate_of_the_ca_and_name_passes(void **state)
{
	struct tls *tls = *state;
	struct check_conf check = check_default(tls);
	struct probe_result result = check_once(&check, tls->port, false);

	assert_outcome(&result, PROBE_OK, "HTTP 200");
}

static void another_name_fails(void **state)
{
	struct tls *tls = *state;
	struct check_conf check = check_default(tls);
	struct probe_result result;

	check.host = "other.example";
	result = check_once(&check, tls->port, false);
	assert_outcome(&result, PROBE_TLS, "other.example");
	assert_true(probe_outcome_tcp(result.outcome));
}

static void an_unknown_ca_fails(void **state)
{
	struct tls *tls = *state;
	struct check_conf check = check_default(tls);
	struct probe_result result;

	check.ca_file = NULL;
	result = check_once(&check, tls->port, false);
	assert_outcome(&result, PROBE_TLS, "certificate");
}

static void without_verification_both_pass(void **state)
{
	struct tls *tls = *state;
	struct check_conf check = check_default(tls);
	struct probe_result result;

	check.ca_file = NULL;
	check.host = NULL;
	check.tls_verify = false;
	result = check_once(&check, tls->port, false);
	assert_outcome(&result, PROBE_OK, "HTTP 200");
}

static void a_ca_file_that_is_missing_is_our_own_fault(void **state)
{
	struct tls *tls = *state;
	struct check_conf check = check_default(tls);
	struct probe_result result;

	check.ca_file = "/nonexistent/ca.pem";
	result = check_once(&check, tls->port, false);
	assert_outcome(&result, PROBE_LOCAL, "/nonexistent/ca.pem");
}

static void a_server_without_tls_fails(void **state)
{
	static struct server server = {.reply = "HTTP/1.1 400 Bad Request\r\n\r\n"};
	struct check_conf check = check_default(*state);
	struct probe_result result;

	assert_true(server_start(&server));
	result = check_once(&check, server.port, false);
	server_stop(&server);
	assert_outcome(&result, PROBE_TLS, "TLS failed");
}

static void a_handshake_that_hangs_is_a_timeout_after_connect(void **state)
{
	static struct server server;
	struct check_conf check = check_default(*state);
	struct probe_result result;

	check.timeout_ms = 300;
	assert_true(server_start(&server));
	result = check_once(&check, server.port, false);
	server_stop(&server);
	assert_outcome(&result, PROBE_TIMEOUT, "no answer within 300 ms");
	assert_true(probe_outcome_tcp(result.outcome));
}

static void a_reset_in_the_handshake_does_not_end_the_agent(void **state)
{
	static struct server server = {.reset = true};
	struct check_conf check = check_default(*state);
	struct probe_result result;

	assert_true(server_start(&server));
	result = check_once(&check, server.port, false);
	server_stop(&server);
	assert_true(result.outcome == PROBE_TLS || result.outcome == PROBE_RESET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_of_the_ca_and_name_passes),
		cmocka_unit_test(another_name_fails),
		cmocka_unit_test(an_unknown_ca_fails),
		cmocka_unit_test(without_verification_both_pass),
		cmocka_unit_test(a_ca_file_that_is_missing_is_our_own_fault),
		cmocka_unit_test(a_server_without_tls_fails),
		cmocka_unit_test(a_handshake_that_hangs_is_a_timeout_after_connect),
		cmocka_unit_test(a_reset_in_the_handshake_does_not_end_the_agent),
	};

	return cmocka_run_group_tests_name("probe tls", tests, set_up, tear_down);
}
