// SPDX-License-Identifier: GPL-2.0-or-later
/* The set of probes: what starts when, what a new set changes, and what it leaves alone. */
#include <sys/resource.h>
#include <sys/wait.h>

#include "fixture.h"

#define REPLY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static struct server good, hanging;

static int set_up(void **state)
{
	(void)state;
	good = (struct server){.reply = REPLY};
	hanging = (struct server){};
	return server_start(&good) && server_start(&hanging) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	server_stop(&good);
	server_stop(&hanging);
	return 0;
}

static struct check_conf check_every(uint32_t interval_ms)
{
	return (struct check_conf){.type = CHECK_HTTP, .timeout_ms = 200, .interval_ms = interval_ms};
}

static struct probe_spec spec_of(uint32_t id, const struct server *server, const struct check_conf *check)
{
	return (struct probe_spec){.id = id, .addr = loopback(false), .port = server->port, .check = check};
}

static unsigned count(const struct fixture *fixture, uint32_t id)
{
	unsigned i, n = 0;

	for (i = 0; i < fixture->n; i++)
		n += fixture->results[i].id == id;
	return n;
}

static void in_a_hurry_the_first_start_is_at_once(void **state)
{
	struct check_conf check = check_every(60000);
	struct fixture fixture;
	struct probe_spec specs[20];
	unsigned i;

	(void)state;
	fixture_start(&fixture);
	for (i = 0; i < 20; i++)
		specs[i] = spec_of(i, &good, &check);
	assert_int_equal(prober_set(fixture.prober, specs, 20, true), 0);
	assert_int_equal(fixture_run(&fixture, 20, 2000), 20);
	for (i = 0; i < 20; i++)
		assert_int_equal(count(&fixture, i), 1);
	fixture_stop(&fixture);
}

static void after_a_hurry_the_rhythms_are_spread(void **state)
{
	struct check_conf check = check_every(600);
	unsigned i, spread = 0;
	struct fixture fixture;
	struct probe_spec specs[20];

	(void)state;
	fixture_start(&fixture);
	for (i = 0; i < 20; i++)
		specs[i] = spec_of(i, &good, &check);
	assert_int_equal(prober_set(fixture.prober, specs, 20, true), 0);
	assert_int_equal(fixture_run(&fixture, 40, 3000), 40);
	for (i = 20; i < 40; i++)
		spread += fixture.results[i].started_ms - fixture.results[0].started_ms < 400;
	/* Each has 2 chances of 3: none or one of 20 has less than one chance in a thousand million. */
	assert_true(spread >= 2);
	fixture_stop(&fixture);
}

static void without_hurry_the_first_starts_are_spread_over_an_interval(void **state)
{
	struct check_conf check = check_every(1000);
	struct probe_spec specs[100];
	struct fixture fixture;
	int64_t begin_ms = clock_now_ms();
	unsigned i, early = 0;

	(void)state;
	fixture_start(&fixture);
	for (i = 0; i < 100; i++)
		specs[i] = spec_of(i, &good, &check);
	assert_int_equal(prober_set(fixture.prober, specs, 100, false), 0);
	assert_true(fixture_run(&fixture, 100, 3000) >= 100);
	for (i = 0; i < 100; i++) {
		assert_in_range(fixture.results[i].started_ms - begin_ms, 0, 1500);
		early += fixture.results[i].started_ms - begin_ms < 500;
	}
	/* Fewer than 20 or more than 80 of 100 in one half has a chance of less than one in a thousand million. */
	assert_in_range(early, 20, 80);
	fixture_stop(&fixture);
}

static void starts_are_an_interval_apart_within_the_jitter(void **state)
{
	struct check_conf check = check_every(50);
	struct probe_spec spec = spec_of(1, &good, &check);
	struct fixture fixture;
	unsigned i, differ = 0;

	(void)state;
	check.jitter_pct = 20;
	fixture_start(&fixture);
	assert_int_equal(prober_set(fixture.prober, &spec, 1, false), 0);
	assert_int_equal(fixture_run(&fixture, 20, 5000), 20);
	for (i = 1; i < 20; i++) {
		const struct probe_result *result = &fixture.results[i], *before = result - 1;
		int64_t gap_ms = result->started_ms - result->late_ms - (before->started_ms - before->late_ms);

		/* A start that was very late is followed by a random phase; one ms each way is rounding. */
		if (before->late_ms < 30 && result->late_ms < 30)
			assert_in_range(gap_ms, 38, 62);
		differ += gap_ms < 48 || gap_ms > 52;
	}
	assert_true(differ > 0);
	fixture_stop(&fixture);
}

static void a_probe_does_not_overlap_itself(void **state)
{
	struct check_conf check = check_every(20);
	struct probe_spec spec = spec_of(1, &hanging, &check);
	struct fixture fixture;
	unsigned i;

	(void)state;
	fixture_start(&fixture);
	assert_int_equal(prober_set(fixture.prober, &spec, 1, true), 0);
	assert_int_equal(fixture_run(&fixture, 4, 5000), 4);
	for (i = 0; i < 4; i++)
		assert_outcome(&fixture.results[i], PROBE_TIMEOUT, "no answer");
	for (i = 1; i < 4; i++) {
		const struct probe_result *result = &fixture.results[i], *before = result - 1;

		assert_true(result->started_ms >= before->started_ms + before->duration_ms);
		assert_true(result->late_ms < 200);
	}
	fixture_stop(&fixture);
}

static void a_hanging_server_does_not_delay_the_others(void **state)
{
	struct check_conf check = check_every(50);
	struct probe_spec specs[2] = {spec_of(1, &hanging, &check), spec_of(2, &good, &check)};
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture);
	assert_int_equal(prober_set(fixture.prober, specs, 2, true), 0);
	fixture_run(&fixture, FIXTURE_RESULTS, 1000);
	assert_in_range(count(&fixture, 1), 2, 5);
	assert_in_range(count(&fixture, 2), 10, 22);
	fixture_stop(&fixture);
}

static void a_new_set_keeps_what_stays_and_drops_what_goes(void **state)
{
	struct check_conf slow = check_every(60000), changed = check_every(60000);
	struct probe_spec specs[2] = {spec_of(1, &hanging, &slow), spec_of(2, &good, &slow)};
	struct fixture fixture;
	unsigned i;

	(void)state;
	slow.timeout_ms = 1500;
	fixture_start(&fixture);
	assert_int_equal(prober_set(fixture.prober, specs, 2, true), 0);
	assert_int_equal(fixture_run(&fixture, 1, 1000), 1);
	assert_int_equal(fixture.results[0].id, 2);
	/* 1 is under way and stays so; 2 goes; 3 comes, at once. 1's new timeout counts from its next start on. */
	changed.timeout_ms = 5000;
	specs[0].check = &changed;
	specs[1] = spec_of(3, &good, &slow);
	assert_int_equal(prober_set(fixture.prober, specs, 2, true), 0);
	assert_int_equal(fixture_run(&fixture, 3, 5000), 3);
	assert_int_equal(count(&fixture, 1), 1);
	assert_int_equal(count(&fixture, 2), 1);
	assert_int_equal(count(&fixture, 3), 1);
	for (i = 0; fixture.results[i].id != 1; i++)
		;
	assert_outcome(&fixture.results[i], PROBE_TIMEOUT, "within 1500 ms");

	/* The same again starts nothing, an empty set ends all. */
	assert_int_equal(prober_set(fixture.prober, specs, 2, true), 0);
	fixture_run(&fixture, 4, 100);
	assert_int_equal(fixture.n, 3);
	assert_int_equal(prober_set(fixture.prober, NULL, 0, false), 0);
	fixture_stop(&fixture);
}

static void a_new_configuration_counts_from_the_next_start(void **state)
{
	struct check_conf http = check_every(30), tcp = check_every(30);
	struct probe_spec spec = spec_of(1, &good, &http);
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture);
	assert_int_equal(prober_set(fixture.prober, &spec, 1, true), 0);
	assert_int_equal(fixture_run(&fixture, 1, 1000), 1);
	assert_outcome(&fixture.results[0], PROBE_OK, "HTTP 200");
	tcp.type = CHECK_TCP;
	spec.check = &tcp;
	assert_int_equal(prober_set(fixture.prober, &spec, 1, false), 0);
	assert_int_equal(fixture_run(&fixture, 2, 1000), 2);
	assert_outcome(&fixture.results[1], PROBE_OK, "connected");
	http.body = "nowhere";
	spec.check = &http;
	assert_int_equal(prober_set(fixture.prober, &spec, 1, false), 0);
	assert_int_equal(fixture_run(&fixture, 3, 1000), 3);
	assert_outcome(&fixture.results[2], PROBE_WRONG_BODY, "\"nowhere\" is not in the first 0 bytes");
	fixture_stop(&fixture);
}

static void another_address_is_another_probe(void **state)
{
	struct check_conf check = check_every(60000);
	struct probe_spec spec = spec_of(1, &hanging, &check);
	struct fixture fixture;

	(void)state;
	check.timeout_ms = 1000;
	fixture_start(&fixture);
	assert_int_equal(prober_set(fixture.prober, &spec, 1, true), 0);
	fixture_run(&fixture, 1, 50);
	spec.port = good.port;
	assert_int_equal(prober_set(fixture.prober, &spec, 1, true), 0);
	fixture_run(&fixture, 2, 1500);
	assert_int_equal(fixture.n, 1); /* the hanging one ended without a result */
	assert_outcome(&fixture.results[0], PROBE_OK, "HTTP 200");
	fixture_stop(&fixture);
}

static void make_an_empty_set(struct fixture *fixture, const struct probe_result *result)
{
	(void)result;
	assert_int_equal(prober_set(fixture->prober, NULL, 0, false), 0);
}

static void a_result_may_make_a_new_set(void **state)
{
	static const enum check_type types[] = {CHECK_HTTP, CHECK_TCP};
	struct memory_conf memory = {.source = MEMORY_AGENT_CHECK, .interval_ms = 20, .timeout_ms = 200};
	struct check_conf check = check_every(20);
	struct fixture fixture;
	unsigned i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct probe_spec spec = spec_of(1, &good, &check);

		if (i == 2)
			spec = (struct probe_spec){.kind = PROBE_KIND_MEMORY,
						   .addr = loopback(false),
						   .port = good.port,
						   .memory = &memory};
		else
			check.type = types[i];
		fixture_start(&fixture);
		fixture.on_result = make_an_empty_set;
		assert_int_equal(prober_set(fixture.prober, &spec, 1, true), 0);
		fixture_run(&fixture, 2, 3000 * (i == 2) + 200);
		assert_int_equal(fixture.n, 1);
		fixture_stop(&fixture);
	}
}

static void checks_run_at_the_fast_interval_while_told(void **state)
{
	struct check_conf check = check_every(60000);
	struct probe_spec spec = spec_of(1, &good, &check);
	struct fixture fixture;
	unsigned n;

	(void)state;
	check.fast_interval_ms = 20;
	fixture_start(&fixture);
	assert_int_equal(prober_set(fixture.prober, &spec, 1, true), 0);
	assert_int_equal(fixture_run(&fixture, 1, 1000), 1);
	prober_set_fast(fixture.prober, 1, true);
	assert_int_equal(fixture_run(&fixture, 6, 2000), 6);
	prober_set_fast(fixture.prober, 1, false);
	prober_set_fast(fixture.prober, 77, true); /* nobody of that id: no harm */
	n = fixture.n;
	fixture_run(&fixture, FIXTURE_RESULTS, 150);
	assert_in_range(fixture.n, n, n + 1); /* the one that was set already */
	fixture_stop(&fixture);
}

static void an_extra_check_now(void **state)
{
	struct check_conf check = check_every(60000);
	struct probe_spec spec = spec_of(1, &good, &check);
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture);
	assert_int_equal(prober_set(fixture.prober, &spec, 1, false), 0);
	prober_now(fixture.prober, 1);
	assert_int_equal(fixture_run(&fixture, 1, 1000), 1);
	prober_now(fixture.prober, 1);
	prober_now(fixture.prober, 1);
	assert_int_equal(fixture_run(&fixture, 2, 1000), 2);
	fixture_run(&fixture, 3, 100);
	assert_int_equal(fixture.n, 2);
	fixture_stop(&fixture);
}

static void the_same_id_twice_is_refused(void **state)
{
	struct check_conf check = check_every(1000), none = {.type = CHECK_NONE};
	struct probe_spec specs[2] = {spec_of(1, &good, &check), spec_of(1, &hanging, &check)};
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture);
	assert_int_equal(prober_set(fixture.prober, specs, 2, false), -EINVAL);
	specs[1].check = &none; /* asks nothing: no probe */
	assert_int_equal(prober_set(fixture.prober, specs, 2, false), 0);
	fixture_stop(&fixture);
}

/* In a child: a limit once lowered cannot be raised again by everybody. */
static int child_with_limit(rlim_t soft, rlim_t hard, size_t n)
{
	struct check_conf check = check_every(60000);
	struct probe_spec *specs = calloc(n, sizeof(*specs));
	struct rlimit limit = {soft, hard};
	struct fixture fixture;
	int status;
	size_t i;
	pid_t pid;

	for (i = 0; i < n; i++)
		specs[i] = spec_of(i, &good, &check);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		fixture_start(&fixture);
		setrlimit(RLIMIT_NOFILE, &limit);
		_exit(-prober_set(fixture.prober, specs, n, false));
	}
	free(specs);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void the_limit_of_open_files_is_raised_or_named(void **state)
{
	(void)state;
	assert_int_equal(child_with_limit(100, 400, 200), 0);
	assert_int_equal(child_with_limit(100, 200, 200), EMFILE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_a_hurry_the_first_start_is_at_once),
		cmocka_unit_test(after_a_hurry_the_rhythms_are_spread),
		cmocka_unit_test(without_hurry_the_first_starts_are_spread_over_an_interval),
		cmocka_unit_test(starts_are_an_interval_apart_within_the_jitter),
		cmocka_unit_test(a_probe_does_not_overlap_itself),
		cmocka_unit_test(a_hanging_server_does_not_delay_the_others),
		cmocka_unit_test(a_new_set_keeps_what_stays_and_drops_what_goes),
		cmocka_unit_test(a_new_configuration_counts_from_the_next_start),
		cmocka_unit_test(another_address_is_another_probe),
		cmocka_unit_test(a_result_may_make_a_new_set),
		cmocka_unit_test(checks_run_at_the_fast_interval_while_told),
		cmocka_unit_test(an_extra_check_now),
		cmocka_unit_test(the_same_id_twice_is_refused),
		cmocka_unit_test(the_limit_of_open_files_is_raised_or_named),
	};

	return cmocka_run_group_tests_name("prober", tests, set_up, tear_down);
}
