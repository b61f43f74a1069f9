// SPDX-License-Identifier: GPL-2.0-or-later
/* The recall of a drain: when the servers left fall short, and who comes back. */
#include "pool_lab.h"

#include "policy/lease.h"
#include "policy/recall.h"

#define BEFORE_MS 300000

static bool may[MOST];

static void drain(size_t i)
{
	lab.members[i].allowed = 0;
	lab.members[i].ordered = true;
	may[i] = true;
	weigh();
}

/* Whom the recall takes back, all in a row; the causes of the last. */
static struct recall last;
static unsigned recalled(void)
{
	unsigned back = 0;

	weigh();
	while (recall_needed(lab.members, lab.n, may, BEFORE_MS, &last)) {
		back |= 1u << last.back;
		may[last.back] = false;
		lab.members[last.back].allowed = lab.members[last.back].declared;
		lab.members[last.back].ordered = false;
	}
	weigh();
	return back;
}

#define NOBODY  0u
#define ONLY(i) (1u << (i))

static void a_drain_beside_a_well_twin_stands(void **state)
{
	(void)state;
	lab_up(2);
	assert_int_equal(recalled(), NOBODY);
	drain(WEB_02);
	assert_int_equal(recalled(), NOBODY);
	remembers(WEB_01, 20); /* low, but not hard */
	assert_int_equal(recalled(), NOBODY);
	goes(WEB_02, PROBE_REFUSED); /* the drained one itself */
	assert_int_equal(recalled(), NOBODY);
}

static void trouble_of_the_twin_recalls(void **state)
{
	(void)state;
	lab_up(2);
	drain(WEB_02);
	remembers(WEB_01, 5);
	assert_int_equal(recalled(), ONLY(WEB_02));
	assert_int_equal(last.cause, RECALL_MEMORY);
	assert_int_equal(last.trouble, WEB_01);
	assert_true(lab.runs[WEB_02].effective > 0);

	lab_up(2);
	drain(WEB_02);
	goes(WEB_01, PROBE_REFUSED);
	assert_int_equal(recalled(), ONLY(WEB_02));
	assert_int_equal(last.cause, RECALL_REFUSES);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);

	lab_up(2);
	drain(WEB_02);
	goes(WEB_01, PROBE_CONNECT_TIMEOUT);
	assert_int_equal(recalled(), ONLY(WEB_02));
	assert_int_equal(last.cause, RECALL_DOWN);
}

/* The story: the test is valid for an hour, and the twin has 14 minutes. */
static void a_forecast_recalls_before_the_end(void **state)
{
	(void)state;
	lab_up(2);
	drain(WEB_02);
	lab.members[WEB_01].forecast = (struct pool_forecast){.known = true, .exhausted_in_ms = 14 * 60000};
	assert_int_equal(recalled(), NOBODY);
	lab.members[WEB_01].forecast.exhausted_in_ms = BEFORE_MS;
	assert_int_equal(recalled(), ONLY(WEB_02));
	assert_int_equal(last.cause, RECALL_FORECAST);
	drain(WEB_02);
	lab.members[WEB_01].forecast.known = false;
	assert_int_equal(recalled(), NOBODY);
}

static void only_a_healthy_server_comes_back(void **state)
{
	(void)state;
	lab_up(2);
	drain(WEB_02);
	goes(WEB_02, PROBE_WRONG_STATUS);
	goes(WEB_01, PROBE_REFUSED);
	assert_int_equal(recalled(), NOBODY);
	goes(WEB_02, PROBE_OK);
	remembers(WEB_02, 5); /* as short of memory as its twin */
	assert_int_equal(recalled(), NOBODY);
	for (int i = 0; i < 3; i++)
		remembers(WEB_02, 60);
	assert_int_equal(recalled(), ONLY(WEB_02));
	lab_up(2);
	drain(WEB_02);
	may[WEB_02] = false; /* maintenance, or --no-recall */
	goes(WEB_01, PROBE_REFUSED);
	assert_int_equal(recalled(), NOBODY);
}

static void one_sick_server_of_many_recalls_nobody(void **state)
{
	(void)state;
	lab_up(4);
	drain(WEB_04);
	goes(WEB_01, PROBE_REFUSED); /* two of four are well */
	assert_int_equal(recalled(), NOBODY);
	goes(WEB_02, PROBE_REFUSED);
	assert_int_equal(recalled(), ONLY(WEB_04));
}

/* Somebody takes half and more out on purpose; that alone is no trouble. */
static void who_drains_many_gets_as_few_back_as_suffice(void **state)
{
	(void)state;
	lab_up(4);
	lab.members[WEB_03].declared = 20;
	drain(WEB_02);
	drain(WEB_03);
	drain(WEB_04);
	assert_int_equal(recalled(), NOBODY);
	remembers(WEB_01, 5);
	assert_int_equal(recalled(), ONLY(WEB_03) | ONLY(WEB_02)); /* 30 of 50, the heaviest first */
}

/* All time out at once while they answer clients: the agent suspects itself, and recalls nobody for that. */
static void suspicion_of_itself_recalls_nobody(void **state)
{
	(void)state;
	lab_up(3);
	drain(WEB_03);
	for (unsigned k = 0; k < check.fall; k++)
		for (size_t i = 0; i < 2; i++)
			checks(i, PROBE_TIMEOUT, k == 0);
	weigh();
	assert_true(lab.run.suspect);
	assert_int_equal(recalled(), NOBODY);
}

static void says_why(void **state)
{
	(void)state;
	assert_string_equal(recall_cause_text(RECALL_MEMORY), "is short of memory");
	assert_string_equal(recall_cause_text(RECALL_NONE), "is well");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_drain_beside_a_well_twin_stands),
		cmocka_unit_test(trouble_of_the_twin_recalls),
		cmocka_unit_test(a_forecast_recalls_before_the_end),
		cmocka_unit_test(only_a_healthy_server_comes_back),
		cmocka_unit_test(one_sick_server_of_many_recalls_nobody),
		cmocka_unit_test(who_drains_many_gets_as_few_back_as_suffice),
		cmocka_unit_test(suspicion_of_itself_recalls_nobody),
		cmocka_unit_test(says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
