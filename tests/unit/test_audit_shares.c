// SPDX-License-Identifier: GPL-2.0-or-later
/* New connections against the tables in force, second by second: counters come from here, and so do the kernel's tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "agent.h"
#include "audit_shares.h"
#include "orders/book.h"

#define FIRST  5 /* records */
#define SECOND 6

/* One service "web" of web-01 and web-02, one slot each, and nothing has happened yet. */
struct world {
	struct config config;
	struct service_conf service_conf;
	struct server_conf server_conf[2];
	struct server server[2];
	struct service service;
	struct model model;
	struct kernel_counters counters;
	struct agent agent;
	struct audit *audit;
	int64_t now_ms;
};

/* --- the kernel ------------------------------------------------------------------------------------------------- */

static uint32_t table[5000], n_table, tables_read;
static uint32_t live[SECOND + 1];
static unsigned clients_on[SECOND + 1]; /* each with a flow */
static bool flood;

int kernel_picks(struct kernel *kernel, uint32_t service, uint32_t **slots, uint32_t *n_slots)
{
	(void)kernel, (void)service;
	*slots = malloc(sizeof(table));
	assert_non_null(*slots);
	memcpy(*slots, table, sizeof(table));
	*n_slots = n_table;
	tables_read++;
	return 0;
}

void kernel_flow_table(struct kernel *kernel, struct kernel_flow_table *out)
{
	(void)kernel;
	*out = (struct kernel_flow_table){.flood = flood};
}

uint32_t kernel_live_flows(struct kernel *kernel, uint32_t server)
{
	(void)kernel;
	return live[server];
}

int kernel_flows_each(struct kernel *kernel, kernel_flow_fn each, void *context)
{
	uint32_t client = 0;

	(void)kernel;
	for (uint32_t server = FIRST; server <= SECOND; server++)
		for (unsigned i = 0; i < clients_on[server]; i++)
			each(context,
			     &(struct kernel_flow){.asked.src = address_from_v4(htonl(++client)), .server = server});
	return 0;
}

/* There are no orders here, nor who keeps them. */
const char *book_kind(const struct order *order)
{
	(void)order;
	return "drain";
}

/* --- the world -------------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(audit_new(&w->audit), 0);
	snprintf(w->service_conf.name, sizeof(w->service_conf.name), "web");
	w->service_conf.scheduler = MUSTER_SCHEDULER_ROUND_ROBIN;
	w->service = (struct service){.conf = &w->service_conf, .servers = w->server, .n_servers = 2};
	for (int i = 0; i < 2; i++) {
		snprintf(w->server_conf[i].name, sizeof(w->server_conf[i].name), "web-%02d", i + 1);
		w->server[i].conf = &w->server_conf[i];
		w->server[i].service = &w->service;
		w->server[i].run.index = FIRST + (uint32_t)i;
	}
	w->model = (struct model){.config = &w->config, .services = &w->service, .n_services = 1};
	w->agent = (struct agent){.model = &w->model, .counters = &w->counters, .auditor = {.audit = w->audit}};
	w->now_ms = 1000000;
	table[0] = FIRST;
	table[1] = SECOND;
	n_table = 2;
	tables_read = 0;
	flood = false;
	memset(live, 0, sizeof(live));
	memset(clients_on, 0, sizeof(clients_on));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	audit_free(&w->audit);
	free(w);
	return 0;
}

static void forget(void *context, const struct audit_finding *finding)
{
	(void)context, (void)finding;
}

/* A second in which so many connections came to each. What the audit finds at its end; NULL: nothing. */
static const struct audit_finding *second(struct world *w, unsigned first, unsigned other)
{
	const struct audit_finding *found;
	size_t n;

	w->server[0].run.stats.flows_new += first;
	w->server[1].run.stats.flows_new += other;
	w->agent.ticks += 2;
	w->now_ms += 1000;
	audit_begin(w->audit, w->now_ms);
	audit_shares_read(&w->agent, &w->service);
	audit_shares(&w->agent, w->now_ms);
	audit_end(w->audit, forget, NULL);
	found = audit_findings(w->audit, &n);
	assert_true(n <= 1);
	return n ? found : NULL;
}

/* So many seconds of it. How many pass until there is a finding; `seconds`: there is none. */
static unsigned seconds(struct world *w, unsigned seconds, unsigned first, unsigned other)
{
	for (unsigned s = 0; s < seconds; s++)
		if (second(w, first, other))
			return s;
	return seconds;
}

static void assert_found(const struct audit_finding *found, enum audit_kind kind, const char *server, const char *text)
{
	if (!found)
		fail_msg("nothing is found where \"%s\" should be", text);
	assert_int_equal(found->kind, kind);
	assert_string_equal(found->service, "web");
	assert_string_equal(found->server, server);
	assert_string_equal(found->text, text);
}

/* --- round robin -------------------------------------------------------------------------------------------------- */

static void what_the_tables_say_is_no_finding(void **state)
{
	struct world *w = *state;

	assert_int_equal(seconds(w, 40, 7, 7), 40);
	assert_int_equal(seconds(w, 40, 0, 0), 40);
	/* By three slots of four. */
	table[2] = table[3] = FIRST;
	n_table = 4;
	assert_int_equal(seconds(w, 40, 9, 3), 40);
}

static void connections_that_went_elsewhere_are_found_for_half_a_minute(void **state)
{
	struct world *w = *state;
	unsigned lasts;

	assert_int_equal(seconds(w, 33, 5, 5), 33);
	assert_found(second(w, 10, 4), AUDIT_UNSHARED, "web-01",
		     "150 new connections in half a minute, where 147.0 were due");
	for (lasts = 0; second(w, 5, 5); lasts++)
		;
	if (lasts < 24 || lasts > 30)
		fail_msg("it is over after %u seconds", lasts);
}

static void a_small_skew_adds_up(void **state)
{
	struct world *w = *state;

	/* Half a connection in each piece of five seconds: more than 2 of them in the fifth. */
	for (int s = 0; s < 20; s++)
		if (second(w, s % 5 ? 1 : 2, 1))
			fail_msg("found in second %d", s);
	assert_found(second(w, 2, 1), AUDIT_UNSHARED, "web-01",
		     "26 new connections in half a minute, where 23.5 were due");
}

static void few_connections_say_nothing(void **state)
{
	struct world *w = *state;

	assert_null(second(w, 7, 0));
	assert_found(second(w, 1, 0), AUDIT_UNSHARED, "web-01",
		     "8 new connections in half a minute, where 4.0 were due");
}

static void they_are_held_against_the_table_of_their_second(void **state)
{
	struct world *w = *state;

	assert_int_equal(seconds(w, 10, 10, 10), 10);
	table[1] = FIRST; /* web-02 is taken out */
	assert_int_equal(seconds(w, 15, 10, 0), 15);
	assert_found(second(w, 10, 3), AUDIT_UNSHARED, "web-01",
		     "260 new connections in half a minute, where 263.0 were due");
}

static void a_swap_is_allowed_for(void **state)
{
	struct world *w = *state;

	/* What came in the second of a swap follows from neither table. */
	w->service.run.swaps++;
	assert_null(second(w, 50, 0));
	/* And one is allowed for it, but not for ever. */
	assert_null(second(w, 11, 5));
	assert_int_equal(seconds(w, 35, 5, 5), 35);
	assert_non_null(second(w, 11, 5));
	w->service.run.swaps++;
	assert_null(second(w, 5, 5));
}

static void turns_without_a_flow_spoil_their_second(void **state)
{
	static const enum muster_verdict verdicts[] = {MUSTER_VERDICT_TABLE_FULL, MUSTER_VERDICT_NO_PORT,
						       MUSTER_VERDICT_POOL_FULL, MUSTER_VERDICT_RACED};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
		w->counters.verdict[verdicts[i]]++;
		assert_null(second(w, 50, 0));
	}
	flood = true;
	assert_null(second(w, 50, 0));
	flood = false;
	assert_non_null(second(w, 50, 0));
}

static void what_comes_while_counters_are_read_is_allowed_for(void **state)
{
	struct world *w = *state;

	w->service.run.rate.flows_s = 10000;
	assert_null(second(w, 10000 + 20, 10000 - 20));
	assert_non_null(second(w, 10, 0));
}

static void limits_send_connections_elsewhere(void **state)
{
	struct world *w = *state;

	w->server_conf[0].max_flows = 10; /* reached within this second */
	assert_null(second(w, 50, 0));
	w->server_conf[0].max_flows = 1000;
	assert_non_null(second(w, 50, 0));
}

static void a_large_table_is_read_now_and_then(void **state)
{
	struct world *w = *state;

	for (n_table = 0; n_table < ARRAY_SIZE(table); n_table++)
		table[n_table] = n_table % 2 ? FIRST : SECOND;
	seconds(w, 30, 5, 5);
	assert_in_range(tables_read, 3, 4);
	assert_non_null(second(w, 50, 0));
}

/* --- the others ---------------------------------------------------------------------------------------------------- */

static void live_flows_of_least_connections(void **state)
{
	struct world *w = *state;

	w->service_conf.scheduler = MUSTER_SCHEDULER_LEAST_CONNECTIONS;
	live[FIRST] = 60, live[SECOND] = 50;
	assert_null(second(w, 50, 0)); /* connections are not what it is judged by */
	live[FIRST] = 90, live[SECOND] = 20;
	assert_found(second(w, 0, 0), AUDIT_UNEVEN, "web-01", "90 live connections, where 55.0 were due");
	/* What was opened under other weights lives on. */
	w->service.run.swaps++;
	assert_null(second(w, 0, 0));
	assert_in_range(seconds(w, 40, 0, 0), 24, 31);
}

static void clients_of_a_hashed_table(void **state)
{
	static const enum muster_scheduler schedulers[] = {MUSTER_SCHEDULER_SOURCE, MUSTER_SCHEDULER_MAGLEV};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(schedulers); i++) {
		w->service_conf.scheduler = schedulers[i];
		clients_on[FIRST] = 110, clients_on[SECOND] = 90;
		assert_int_equal(seconds(w, 40, 50, 0), 40);
		clients_on[FIRST] = 150, clients_on[SECOND] = 50;
		assert_in_range(seconds(w, 40, 0, 0), 0, 30);
		/* It is said until the next look. */
		clients_on[FIRST] = 100, clients_on[SECOND] = 100;
		assert_found(second(w, 0, 0), AUDIT_UNEVEN, "web-01",
			     "150 clients with live connections, where 100.0 were due");
		for (int s = 0; s < 29; s++)
			second(w, 0, 0);
		assert_null(second(w, 0, 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(what_the_tables_say_is_no_finding),
		TEST(connections_that_went_elsewhere_are_found_for_half_a_minute),
		TEST(a_small_skew_adds_up),
		TEST(few_connections_say_nothing),
		TEST(they_are_held_against_the_table_of_their_second),
		TEST(a_swap_is_allowed_for),
		TEST(turns_without_a_flow_spoil_their_second),
		TEST(what_comes_while_counters_are_read_is_allowed_for),
		TEST(limits_send_connections_elsewhere),
		TEST(a_large_table_is_read_now_and_then),
		TEST(live_flows_of_least_connections),
		TEST(clients_of_a_hashed_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
