// SPDX-License-Identifier: GPL-2.0-or-later
/* Where connections should have gone, and where they went: exact for turns, by chance for hashes, by live flows else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "policy/clients.h"
#include "policy/imbalance.h"

static void turns_are_exact(void **state)
{
	static const struct {
		uint64_t one, two;
		double due_one, due_two;
		unsigned swaps;
		double skew;
		enum imbalance is;
	} cases[] = {
		{4, 3, 3.5, 3.5, 0, 0, IMBALANCE_UNKNOWN}, /* 7 new flows say nothing */
		{5, 4, 4.5, 4.5, 0, 0, IMBALANCE_NONE},
		{500, 500, 500, 500, 0, 0, IMBALANCE_NONE},
		{502, 498, 500, 500, 0, 0, IMBALANCE_NONE},
		{503, 497, 500, 500, 0, 0, IMBALANCE_FOUND}, /* an excess over 2 */
		{503, 497, 500, 500, 1, 0, IMBALANCE_NONE},  /* one a swap more */
		{504, 496, 500, 500, 1, 0, IMBALANCE_FOUND},
		{520, 480, 500, 500, 0, 20, IMBALANCE_NONE}, /* counters read while flows come */
		{750, 250, 750, 250, 0, 0, IMBALANCE_NONE},
		{9, 0, 4.5, 4.5, 0, 0, IMBALANCE_FOUND}, /* two servers, and little traffic */
	};
	size_t worst;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct imbalance_part parts[] = {{.counted = cases[i].one, .expected = cases[i].due_one},
						 {.counted = cases[i].two, .expected = cases[i].due_two}};
		enum imbalance is = imbalance_turns(parts, 2, cases[i].swaps, cases[i].skew, &worst);

		if (is != cases[i].is)
			fail_msg("case %zu: %d instead of %d", i, is, cases[i].is);
	}
}

static void a_second_at_a_limit_is_known(void **state)
{
	(void)state;
	assert_false(imbalance_limited(1000000, 1000, 0)); /* none */
	assert_false(imbalance_limited(0, 0, 100));
	assert_false(imbalance_limited(80, 13, 100));
	assert_true(imbalance_limited(80, 14, 100)); /* near: it may have been */
	assert_true(imbalance_limited(0, 100, 100)); /* all closed again within the second */
	assert_true(imbalance_limited(100, 0, 100));
	assert_true(imbalance_limited(1, 0, 1));
	assert_false(imbalance_limited(0, 0, 1));
}

static uint64_t seed = 1;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Clients of two servers, `pct` percent of them on the first by chance, each with 1 to 20 flows. */
static enum imbalance clients_by_chance(unsigned clients, unsigned pct, bool each_flow)
{
	struct imbalance_part parts[2];
	struct clients *table = NULL;
	enum imbalance is;
	size_t worst;

	assert_int_equal(clients_new(&table), 0);
	for (unsigned i = 0; i < clients; i++) {
		struct muster_addr client = {.word = {0, 0, 0xffff, i}};
		uint32_t flows = 1 + draw() % 20, home = draw() % 100 >= pct;

		while (flows--)
			assert_true(clients_take(table, &client, 3, each_flow ? draw() % 100 >= pct : home));
	}
	assert_int_equal(clients_of(table, 3), clients);
	assert_int_equal(clients_of(table, 4), 0);
	for (uint32_t server = 0; server < 2; server++)
		clients_part(table, 3, server, 0.5, each_flow, &parts[server]);
	is = imbalance_clients(parts, 2, clients, &worst);
	clients_free(&table);
	return is;
}

static void hashes_follow_chance(void **state)
{
	(void)state;
	assert_int_equal(clients_by_chance(49, 100, false), IMBALANCE_UNKNOWN);
	for (int round = 0; round < 20; round++) {
		assert_int_equal(clients_by_chance(50 + draw() % 500, 50, false), IMBALANCE_NONE);
		assert_int_equal(clients_by_chance(50 + draw() % 500, 50, true), IMBALANCE_NONE);
	}
	assert_int_equal(clients_by_chance(60, 100, false), IMBALANCE_FOUND);
	assert_int_equal(clients_by_chance(400, 75, false), IMBALANCE_FOUND);
	assert_int_equal(clients_by_chance(400, 100, true), IMBALANCE_FOUND);
}

static void one_heavy_client_is_no_imbalance(void **state)
{
	struct imbalance_part parts[2];
	struct clients *table = NULL;
	size_t worst;

	(void)state;
	assert_int_equal(clients_new(&table), 0);
	for (uint32_t i = 0; i < 100; i++) {
		struct muster_addr client = {.word = {0, 0, 0xffff, i}};

		for (int flow = 0; flow < (i == 0 ? 5000 : 1); flow++)
			clients_take(table, &client, 0, i % 2);
	}
	for (uint32_t server = 0; server < 2; server++)
		clients_part(table, 0, server, 0.5, false, &parts[server]);
	assert_int_equal(imbalance_clients(parts, 2, 100, &worst), IMBALANCE_NONE);
	clients_free(&table);
}

static void more_clients_than_room_end_the_look(void **state)
{
	struct clients *table = NULL;
	bool room = true;
	uint32_t n = 0;

	(void)state;
	assert_int_equal(clients_new(&table), 0);
	for (; n < 1000000 && room; n++) {
		struct muster_addr client = {.word = {1, 2, 3, n}};

		room = clients_take(table, &client, 0, n % 4);
	}
	assert_false(room);
	assert_true(clients_of(table, 0) > 30000);
	clients_free(&table);
}

static void live_flows_are_judged_by_share(void **state)
{
	struct imbalance_part few[] = {{.counted = 40, .expected = 24.5}, {.counted = 9, .expected = 24.5}};
	struct imbalance_part even[] = {{.counted = 520, .expected = 500}, {.counted = 480, .expected = 500}};
	struct imbalance_part uneven[] = {{.counted = 700, .expected = 500}, {.counted = 300, .expected = 500}};
	size_t worst;

	(void)state;
	assert_int_equal(imbalance_live(few, 2, &worst), IMBALANCE_UNKNOWN);
	assert_int_equal(imbalance_live(even, 2, &worst), IMBALANCE_NONE);
	assert_int_equal(imbalance_live(uneven, 2, &worst), IMBALANCE_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns_are_exact),
		cmocka_unit_test(a_second_at_a_limit_is_known),
		cmocka_unit_test(hashes_follow_chance),
		cmocka_unit_test(one_heavy_client_is_no_imbalance),
		cmocka_unit_test(more_clients_than_room_end_the_look),
		cmocka_unit_test(live_flows_are_judged_by_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
