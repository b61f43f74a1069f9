// SPDX-License-Identifier: GPL-2.0-or-later
/* A thousand checks a second, a hundred of them against a server that hangs: all run, and none waits for another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>
#include <sys/resource.h>

#include "address.h"
#include "clock.h"
#include "probe/probe.h"
#include "server.h"

#define CHECKS  1000
#define HANGING 100
#define RUN_MS  8000

struct tally {
	unsigned ended[CHECKS];
	unsigned wrong[CHECKS]; /* results other than the expected */
};

static void on_done(void *context, const struct probe_result *result)
{
	enum probe_outcome expected = result->id < HANGING ? PROBE_TIMEOUT : PROBE_OK;
	struct tally *tally = context;

	tally->ended[result->id]++;
	if (result->outcome != expected && !tally->wrong[result->id]++)
		fprintf(stderr, "# check %u: %s (%s)\n", result->id, result->detail,
			probe_outcome_name(result->outcome));
}

static double thread_cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void run_for(sd_event *event, int64_t ms)
{
	int64_t until = clock_now_ms() + ms, now;

	while ((now = clock_now_ms()) < until)
		assert_true(sd_event_run(event, (uint64_t)(until - now) * 1000) >= 0);
}

static unsigned few(const unsigned *ended, unsigned from, unsigned to, unsigned wanted)
{
	unsigned n = 0;

	for (; from < to; from++)
		if (ended[from] < wanted)
			n++;
	return n;
}

static void thousand_checks_each_second(void **state)
{
	struct check_conf check = {.type = CHECK_HTTP, .timeout_ms = 900, .interval_ms = 1000, .jitter_pct = 10};
	static struct server good = {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"}, hanging;
	struct probe_spec *specs = calloc(CHECKS, sizeof(*specs));
	struct prober_lateness lateness;
	struct prober *prober = NULL;
	static struct tally tally;
	sd_event *event = NULL;
	unsigned i, wrong = 0;
	double cpu_s;

	(void)state;
	assert_true(server_start(&good));
	assert_true(server_start(&hanging));
	for (i = 0; i < CHECKS; i++)
		specs[i] = (struct probe_spec){.id = i,
					       .addr = address_from_v4(htonl(0x7f000001)),
					       .port = i < HANGING ? hanging.port : good.port,
					       .check = &check};
	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(prober_new(&prober, event, on_done, &tally), 0);
	assert_int_equal(prober_set(prober, specs, CHECKS, false), 0);

	cpu_s = thread_cpu_s();
	run_for(event, RUN_MS);
	cpu_s = thread_cpu_s() - cpu_s;
	prober_lateness(prober, &lateness);
	printf("# lateness p50 %d ms, p99 %d ms, max %d ms, %.0f %% of a core, %llu starts\n", lateness.p50_ms,
	       lateness.p99_ms, lateness.max_ms, cpu_s * 100000 / RUN_MS, (unsigned long long)lateness.started);
	for (i = 0; i < CHECKS; i++)
		wrong += tally.wrong[i];
	prober_free(&prober);
	sd_event_unref(event);
	server_stop(&good);
	server_stop(&hanging);
	free(specs);

	/* Eight seconds hold at least six whole intervals of 1.1 s; a machine that others use may lose some of them. */
	assert_int_equal(few(tally.ended, HANGING, CHECKS, 4), 0);
	assert_int_equal(few(tally.ended, 0, HANGING, 3), 0);
	assert_true(wrong < CHECKS / 10);
	assert_true(lateness.p99_ms < 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thousand_checks_each_second),
	};

	return cmocka_run_group_tests_name("probe scale", tests, NULL, NULL);
}
