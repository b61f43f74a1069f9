// SPDX-License-Identifier: GPL-2.0-or-later
/* TCP connect checks. */
#include <fcntl.h>
#include <sched.h>

#include "fixture.h"
#include "probe/tcp.h"

static struct check_conf check_default(void)
{
	return (struct check_conf){.type = CHECK_TCP, .timeout_ms = 200, .interval_ms = 60000};
}

static void a_port_that_listens_passes_and_sees_no_reset(void **state)
{
	struct check_conf check = check_default();
	struct probe_result result;
	uint16_t port;
	char byte;
	int fd, peer;

	(void)state;
	fd = server_listen(false, 8, &port);
	assert_true(fd >= 0);
	result = check_once(&check, port, false);
	assert_outcome(&result, PROBE_OK, "connected");
	peer = accept(fd, NULL, NULL);
	assert_true(peer >= 0);
	assert_int_equal(recv(peer, &byte, 1, 0), 0); /* end of stream, not ECONNRESET */
	close(peer);
	close(fd);
}

static void refused(void **state)
{
	struct check_conf check = check_default();
	struct probe_result result = check_once(&check, port_closed(), false);

	(void)state;
	assert_outcome(&result, PROBE_REFUSED, "connecting to 127.0.0.1:");
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
	assert_outcome(&result, PROBE_CONNECT_TIMEOUT, "no answer to connect within 200 ms");
	assert_in_range(result.duration_ms, 195, 1200);
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

static void what_an_errno_means(void **state)
{
	(void)state;
	assert_int_equal(tcp_outcome(ECONNREFUSED, false), PROBE_REFUSED);
	assert_int_equal(tcp_outcome(EHOSTUNREACH, false), PROBE_UNREACHABLE);
	assert_int_equal(tcp_outcome(ETIMEDOUT, false), PROBE_CONNECT_TIMEOUT);
	assert_int_equal(tcp_outcome(ETIMEDOUT, true), PROBE_TIMEOUT);
	assert_int_equal(tcp_outcome(ECONNRESET, true), PROBE_RESET);
	assert_int_equal(tcp_outcome(EMFILE, false), PROBE_LOCAL);
	assert_int_equal(tcp_outcome(EADDRNOTAVAIL, false), PROBE_LOCAL);
}

static void every_outcome_has_a_name_and_a_text(void **state)
{
	unsigned i, j;

	(void)state;
	for (i = 0; i < PROBE_OUTCOMES_N; i++) {
		assert_true(strlen(probe_outcome_name(i)) > 0 && strlen(probe_outcome_text(i)) > 0);
		for (j = 0; j < i; j++)
			assert_string_not_equal(probe_outcome_name(i), probe_outcome_name(j));
	}
	assert_string_equal(probe_outcome_name(PROBE_WRONG_BODY), "wrong_body");
	assert_string_equal(probe_outcome_name(PROBE_OUTCOMES_N), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_port_that_listens_passes_and_sees_no_reset),
		cmocka_unit_test(refused),
		cmocka_unit_test(no_answer_to_connect),
		cmocka_unit_test(network_unreachable),
		cmocka_unit_test(what_an_errno_means),
		cmocka_unit_test(every_outcome_has_a_name_and_a_text),
	};

	return cmocka_run_group_tests_name("probe tcp", tests, NULL, NULL);
}
