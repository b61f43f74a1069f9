// SPDX-License-Identifier: GPL-2.0-or-later
/* What of the packets' counts a change is judged by: failures that are the servers', none of Muster's own or the clients'. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent.h"
#include "change/change.h"

/* One service of two servers, no change on trial. */
static struct service service;
static struct server servers[2];
static struct model model;
static struct kept kept;
static struct agent agent;

static int setup(void **state)
{
	(void)state;
	memset(servers, 0, sizeof(servers));
	service = (struct service){.servers = servers, .n_servers = 2};
	model = (struct model){.services = &service, .n_services = 1};
	agent = (struct agent){.model = &model, .kept = &kept};
	change_second(&agent); /* what was counted before is nobody's */
	return 0;
}

/* What this second adds to the service. */
static void adds(uint32_t flows, uint32_t failed)
{
	const struct trial_second *last = &service.run.trial.second[service.run.trial.next];

	change_second(&agent);
	if (last->flows != flows || last->failed != failed)
		fail_msg("%u failures of %u new flows, and not %u of %u", last->failed, last->flows, failed, flows);
}

static void what_the_servers_did_is_a_failure(void **state)
{
	(void)state;
	servers[0].run.stats.flows_new = 100;
	servers[1].run.stats.flows_new = 50;
	adds(150, 0);
	adds(0, 0);
	servers[0].run.counted.refused = 1;
	adds(0, 1);
	servers[0].run.counted.repeated = 20;
	adds(0, 20);
	servers[1].run.counted.resets = 300;
	adds(0, 300);
	servers[1].run.counted.status[5] = 4000;
	adds(0, 4000);
	adds(0, 0);
	servers[0].run.counted.refused++;
	servers[1].run.counted.status[5]++;
	servers[1].run.stats.flows_new += 7;
	adds(7, 2);
}

/* `refused` of the traffic's counters: what Muster answered itself. */
static void what_others_did_is_none(void **state)
{
	struct server_run *run = &servers[0].run;

	(void)state;
	run->stats.refused = 100;
	run->stats.dropped = 100;
	run->stats.flows_closed = 100;
	adds(0, 0);
	run->counted.answered = 100;
	run->counted.status[0] = run->counted.status[2] = run->counted.status[4] = 100;
	run->counted.handshake[3] = 100;
	adds(0, 0);
	run->counted.errors = 100; /* of the 5xx, which are counted already */
	adds(0, 0);
}

/* A record that went to another server counts from zero. */
static void counters_that_begin_anew_are_no_second(void **state)
{
	(void)state;
	servers[0].run.stats.flows_new = 100;
	servers[0].run.counted.resets = 10;
	adds(100, 10);
	servers[0].run.stats.flows_new = 5;
	servers[0].run.counted.resets = 11;
	adds(0, 0);
	servers[0].run.stats.flows_new = 8;
	servers[0].run.counted.resets = 12;
	adds(3, 1);
	servers[0].run.counted.resets = 0;
	servers[0].run.stats.flows_new = 9;
	adds(0, 0);
}

static void what_was_there_before_is_not_counted(void **state)
{
	(void)state;
	servers[1] = (struct server){
		.run = {.stats.flows_new = 1000, .counted = {.refused = 500}}}; /* it is new in the pool */
	adds(0, 0);
	servers[1].run.counted.refused++;
	servers[1].run.stats.flows_new++;
	adds(1, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_the_servers_did_is_a_failure, setup),
		cmocka_unit_test_setup(what_others_did_is_none, setup),
		cmocka_unit_test_setup(counters_that_begin_anew_are_no_second, setup),
		cmocka_unit_test_setup(what_was_there_before_is_not_counted, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
