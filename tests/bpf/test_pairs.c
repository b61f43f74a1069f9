/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a flood opens stands as a pair, and no bit holds its port (bpf/opening.h): still no two flows share one, whatever comes
 * late, closes, is pushed out, or wants the port just then.
 */
#include "test_flood.h"

#define ASKED    400 /* client ports, among which some are given the same server and port */
#define FIRST    1000
#define PAST     (FOREVER + 100)
#define ANYTHING 9999 /* acknowledged: neither the SYN/ACK nor anything known */

/* Two client ports to which the hash gives the same server and source port. */
static void rivals(uint16_t *a, uint16_t *b)
{
	static struct way ways[ASKED];

	for (unsigned i = 0; i < ASKED; i++) {
		struct packet syn = from_client(FIRST + i, SYN);

		tables_clear();
		ways[i] = ask(&syn, "a SYN");
		for (unsigned k = 0; k < i; k++)
			if (ways[k].server == ways[i].server && ways[k].port == ways[i].port) {
				*a = FIRST + k;
				*b = FIRST + i;
				tables_clear();
				return;
			}
	}
	fail_msg("no two of %u clients are given one port", ASKED);
}

static void test_a_late_ack_shares_no_port(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct packet syn, ack;
		struct found found;
		uint16_t a, b;
		struct way way;

		flood_in(i);
		rivals(&a, &b);
		syn = from_client(a, SYN);
		ack = from_client(b, ACK);
		way = ask(&syn, "a SYN");
		pair_of(&syn);
		same_way(ask(&ack, "the ACK of one that was pushed out, by the same port"), way);
		assert_false(flow_get(&syn, &found));
		answers_reach(way, b);
		check_whole("after a late ACK for a port that a flow had");
	}
}

/* The other way round: the port is a late flow's, then another one's SYN asks for it. */
static void test_a_syn_does_not_take_a_late_flows_port(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct packet syn, ack;
		uint16_t a, b;
		struct way late, other;

		flood_in(i);
		rivals(&a, &b);
		ack = from_client(a, ACK);
		late = ask(&ack, "a late ACK");
		answers_reach(late, a);
		syn = from_client(b, SYN);
		other = ask(&syn, "a SYN by the same port");
		assert_true(other.port != late.port || other.server != late.server);
		answers_reach(late, a);
		check_whole("after a SYN for a port that a late flow has");
	}
}

/* One after the other: who asks last has the port, and the one before it is gone. */
static void test_two_pairs_share_no_port(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct packet first, second;
		struct found found;
		uint16_t a, b;
		struct way way;

		flood_in(i);
		rivals(&a, &b);
		first = from_client(a, SYN);
		second = from_client(b, SYN);
		way = ask(&first, "a SYN");
		same_way(ask(&second, "another by the same port"), way);
		assert_false(flow_get(&first, &found));
		answers_reach(way, b);
		check_whole("after two SYNs for a port");
	}
}

/* In nat one client asks two services by one port, and a server stands in both. */
static void second_service(void)
{
	struct muster_service service = service_make(VIP_B, family, IPPROTO_TCP, SERVICE_PORT, mode);
	struct muster_server server;

	service_put(OTHER, &service);
	for (unsigned i = 0; i < 2; i++) {
		server = server_make(OTHER, i ? WEB_02 : WEB_01, family, SERVER_PORT);
		server_put(3 + i, &server);
	}
}

static void test_in_nat_a_late_ack_shares_no_port(void **state)
{
	(void)state;
	for (unsigned i = 2; i < 4; i++) {
		struct packet syn, ack;
		int slots[] = {3, -1};
		struct way way;

		flood_in(i);
		second_service();
		syn = from_client(FIRST, SYN);
		way = ask(&syn, "a SYN");
		pair_of(&syn);
		slots[0] = way.server == WEB_01 ? 3 : 4;
		picks_put(OTHER, slots);
		ack = from_client(FIRST, ACK);
		ack.to = VIP_B;
		expect("a late ACK to another service, by the port that the server knows", &ack, MUSTER_VERDICT_NO_PORT,
		       NULL);
		ack.flags = SYN;
		expect("a SYN to it", &ack, MUSTER_VERDICT_NO_PORT, NULL);
		answers_reach(way, FIRST);
		check_whole("after one port of a client's to two services of a server");
	}
}

/* What a RST closed stands for a while; it keeps nobody from its port. */
static void test_a_closed_pair_gives_way(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct packet first, second;
		struct found found;
		uint16_t a, b;
		struct way way;

		flood_in(i);
		rivals(&a, &b);
		first = from_client(a, SYN);
		way = ask(&first, "a SYN");
		first = from_client(a, RST);
		expect("the client's reset", &first, MUSTER_VERDICT_TO_SERVER, NULL);
		found = pair_of(&first);
		assert_int_equal(flow_state(&found), MUSTER_FLOW_CLOSING);
		second = from_client(b, SYN);
		same_way(ask(&second, "another's SYN"), way);
		assert_false(flow_get(&first, &found));
		check_whole("after a closed flow of a flood");
	}
}

static void close_and_restore(uint8_t flags)
{
	struct packet syn = from_client(FIRST, SYN), end = from_client(FIRST, flags), data = from_client(FIRST, ACK);
	struct way way = ask(&syn, "a SYN");
	struct found found;

	expect("the client's end of it", &end, MUSTER_VERDICT_TO_SERVER, NULL);
	check_whole("after the end");
	data.payload = 10;
	data.ack = ANYTHING;
	same_way(ask(&data, "its data"), way);
	found = pair_of(&syn);
	assert_int_equal(flow_state(&found), MUSTER_FLOW_HALF_OPEN);
	check_whole("after data behind the end");
}

static void test_pairs_close_and_come_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct packet back;

		flood_in(i);
		close_and_restore(RST);
		tables_clear();
		close_and_restore(FIN | ACK);
		/* and the server's */
		tables_clear();
		back = from_client(FIRST, SYN);
		back = answer(ask(&back, "a SYN"), RST | ACK, 0);
		expect("the server's refusal", &back, MUSTER_VERDICT_TO_CLIENT, NULL);
		check_whole("after a refusal");
	}
}

/* The client's ACK finds the port in another's hand: the flow goes on as it is, and is moved by whatever comes next. */
static void port_is_had_later(bool by_server)
{
	struct packet syn = from_client(FIRST, SYN), ack = from_client(FIRST, ACK), back, more;
	struct way way = ask(&syn, "a SYN");
	struct found found;

	back = answer(way, SYN | ACK, 0);
	expect("its answer", &back, MUSTER_VERDICT_TO_CLIENT, NULL);
	port_hold(server_of(way), number_of(way), true);
	same_way(ask(&ack, "the acknowledgement"), way);
	found = pair_of(&syn);
	assert_int_equal(flow_state(&found), MUSTER_FLOW_HALF_OPEN);
	assert_true(port_held(server_of(way), number_of(way)));
	/* It may end and come back meanwhile: not as one whose port is held. */
	more = from_client(FIRST, FIN | ACK);
	same_way(ask(&more, "a FIN"), way);
	more = from_client(FIRST, ACK);
	more.payload = 10;
	more.ack = ANYTHING;
	same_way(ask(&more, "data behind it"), way);
	found = pair_of(&syn);
	assert_int_equal(flow_state(&found), MUSTER_FLOW_HALF_OPEN);
	same_way(ask(&more, "more of it"), way);
	pair_of(&syn);
	assert_true(port_held(server_of(way), number_of(way)));
	port_hold(server_of(way), number_of(way), false);
	if (by_server)
		answers_reach(way, FIRST);
	else
		same_way(ask(&more, "and more"), way);
	assert_true(flow_get(&syn, &found));
	assert_int_equal(flow_state(&found), MUSTER_FLOW_ESTABLISHED);
	assert_int_equal(MUSTER_REF_TABLE(found.ref), MUSTER_TABLE_A);
	assert_true(port_held(server_of(way), number_of(way)));
	answers_reach(way, FIRST);
	check_whole("after a port that was had later");
}

static void test_a_flow_whose_port_is_not_to_be_had_goes_on(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		flood_in(i / 2);
		port_is_had_later(i % 2);
	}
}

/* The range of ports has changed: the flow's own is none of it, and nobody else's. */
static void test_a_port_out_of_range_holds_nobody_up(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct packet syn, ack, back;
		struct found found;
		struct way way;

		flood_in(i);
		syn = from_client(FIRST, SYN);
		ack = from_client(FIRST, ACK);
		way = ask(&syn, "a SYN");
		back = answer(way, SYN | ACK, 0);
		expect("its answer", &back, MUSTER_VERDICT_TO_CLIENT, NULL);
		for (uint32_t server = 1; server <= 2; server++)
			ports_put(server, PORT_FIRST + PORT_COUNT, PORT_COUNT, 1);
		same_way(ask(&ack, "the acknowledgement"), way);
		assert_true(flow_get(&syn, &found));
		assert_int_equal(flow_state(&found), MUSTER_FLOW_ESTABLISHED);
		answers_reach(way, FIRST);
	}
}

/* A pair whose time is over is opened anew by its client's next SYN. */
static void test_pairs_expire(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct packet syn, back;
		struct way way;

		flood_in(i);
		syn = from_client(FIRST, SYN);
		way = ask(&syn, "a SYN");
		flow_age(&syn, PAST);
		back = answer(way, SYN | ACK, 0);
		expect("its answer, too late", &back, MUSTER_VERDICT_NO_SERVICE, NULL);
		same_way(ask(&syn, "the SYN again"), way);
		pair_of(&syn);
		check_whole("after a pair that had expired");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_late_ack_shares_no_port),
		cmocka_unit_test(test_a_syn_does_not_take_a_late_flows_port),
		cmocka_unit_test(test_two_pairs_share_no_port),
		cmocka_unit_test(test_in_nat_a_late_ack_shares_no_port),
		cmocka_unit_test(test_a_closed_pair_gives_way),
		cmocka_unit_test(test_pairs_close_and_come_back),
		cmocka_unit_test(test_a_flow_whose_port_is_not_to_be_had_goes_on),
		cmocka_unit_test(test_a_port_out_of_range_holds_nobody_up),
		cmocka_unit_test(test_pairs_expire),
	};

	table_buckets = 32;
	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
