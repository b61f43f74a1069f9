/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPv4 fragments follow the first of their datagram, and no other. */
#include "harness.h"

#define PIECE 496 /* bytes, a multiple of 8 */

static struct frame whole, wanted, piece, wanted_piece;

static struct packet datagram(int proto, uint16_t sport)
{
	return (struct packet){.proto = proto,
			       .from = CLIENT,
			       .to = VIP,
			       .sport = sport,
			       .dport = SERVICE_PORT,
			       .flags = SYN,
			       .seq = 1000,
			       .payload = 1300};
}

/* The packet as its first server gets it. */
static struct packet at_server(const struct packet *in, enum muster_mode mode, uint16_t nat_port)
{
	struct packet out = *in;

	out.to = WEB_01;
	out.dport = SERVER_PORT;
	out.ttl = 63;
	out.mac_from = role_mac(SOURCE);
	if (mode == MUSTER_MODE_FULLNAT) {
		out.from = SOURCE;
		out.sport = nat_port;
	}
	return out;
}

/* The n-th piece of `whole` comes in, and leaves as that of `wanted`. */
static void check_piece(const char *what, unsigned ifindex, uint16_t id, unsigned n, enum muster_verdict verdict)
{
	struct outcome outcome = run_on(ifindex, fragment_build(&piece, &whole, id, n * PIECE, PIECE));

	check_verdict(&outcome, verdict, what);
	check_frame(&outcome.frame, fragment_build(&wanted_piece, &wanted, id, n * PIECE, PIECE), what);
}

static void passes(const char *what, uint16_t id, unsigned n, enum muster_verdict verdict)
{
	expect_passed(what, fragment_build(&piece, &whole, id, n * PIECE, PIECE), verdict);
}

/* The client's datagram in three pieces opens its flow; the server's answer comes in three pieces too. */
static void there_and_back(int proto, enum muster_mode mode, unsigned options)
{
	struct packet in = datagram(proto, 40000), out, answer, back_out;
	struct outcome outcome;

	bench_reset(NULL);
	pool_make(4, mode);
	in.ip_options = options;
	packet_build(&whole, &in);
	outcome = run_on(front, fragment_build(&piece, &whole, 7, 0, PIECE));
	check_verdict(&outcome, MUSTER_VERDICT_TO_SERVER, "the first fragment");
	out = at_server(&in, mode, source_port(&outcome.frame));
	packet_build(&wanted, &out);
	check_frame(&outcome.frame, fragment_build(&piece, &wanted, 7, 0, PIECE), "the first fragment");
	for (unsigned n = 1; n < 3; n++)
		check_piece("a later fragment", front, 7, n, MUSTER_VERDICT_TO_SERVER);
	assert_int_equal(picks_turn(proto == IPPROTO_TCP ? WEB : WEB_UDP), 1);

	answer = (struct packet){.proto = proto,
				 .from = WEB_01,
				 .to = out.from,
				 .mac_to = role_mac(SOURCE),
				 .sport = SERVER_PORT,
				 .dport = out.sport,
				 .flags = ACK,
				 .payload = 1300,
				 .ip_options = options};
	back_out = answer;
	back_out.from = VIP;
	back_out.to = CLIENT;
	back_out.mac_to = NULL;
	back_out.sport = SERVICE_PORT;
	back_out.dport = 40000;
	back_out.ttl = 63;
	packet_build(&whole, &answer);
	packet_build(&wanted, &back_out);
	for (unsigned n = 0; n < 3; n++)
		check_piece("a fragment of the answer", back, 8, n, MUSTER_VERDICT_TO_CLIENT);
}

static void test_both_directions(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++)
		there_and_back(i & 1 ? IPPROTO_TCP : IPPROTO_UDP, i & 2 ? MUSTER_MODE_NAT : MUSTER_MODE_FULLNAT,
			       i & 4 ? 12 : 0);
}

/* Any order behind the first; those before it are the host's. */
static void test_out_of_order(void **state)
{
	struct packet in = datagram(IPPROTO_UDP, 40000), out = at_server(&in, MUSTER_MODE_NAT, 0);

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	packet_build(&whole, &in);
	packet_build(&wanted, &out);
	passes("a fragment before the first one", 9, 1, MUSTER_VERDICT_FRAGMENT);
	check_piece("the first fragment", front, 9, 0, MUSTER_VERDICT_TO_SERVER);
	check_piece("the last fragment", front, 9, 2, MUSTER_VERDICT_TO_SERVER);
	check_piece("the middle one", front, 9, 1, MUSTER_VERDICT_TO_SERVER);
	check_piece("the middle one again", front, 9, 1, MUSTER_VERDICT_TO_SERVER);
}

/* The note is of one datagram: addresses, protocol and identification. */
static void test_others_fragments_pass(void **state)
{
	struct packet in = datagram(IPPROTO_UDP, 40000), out = at_server(&in, MUSTER_MODE_NAT, 0), other;

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	packet_build(&whole, &in);
	packet_build(&wanted, &out);
	check_piece("the first fragment", front, 9, 0, MUSTER_VERDICT_TO_SERVER);
	passes("another datagram's fragment", 10, 1, MUSTER_VERDICT_FRAGMENT);
	for (unsigned i = 0; i < 3; i++) {
		other = in;
		if (i == 0)
			other.from = CLIENT_B;
		else if (i == 1)
			other.to = VIP_B;
		else
			other.proto = IPPROTO_TCP;
		packet_build(&whole, &other);
		passes("another's fragment", 9, 1, MUSTER_VERDICT_FRAGMENT);
	}
	in.to = HOST;
	packet_build(&whole, &in);
	passes("a first fragment for the host", 11, 0, MUSTER_VERDICT_NO_SERVICE);
	passes("a later fragment for the host", 11, 1, MUSTER_VERDICT_FRAGMENT);
}

/* An identification comes round: the fragments belong to the latest first one. */
static void test_identification_used_again(void **state)
{
	struct packet in = datagram(IPPROTO_UDP, 40000), out = at_server(&in, MUSTER_MODE_NAT, 0);

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	packet_build(&whole, &in);
	packet_build(&wanted, &out);
	check_piece("the first fragment", front, 9, 0, MUSTER_VERDICT_TO_SERVER);
	in.sport = out.sport = 40001;
	out.to = WEB_02;
	packet_build(&whole, &in);
	packet_build(&wanted, &out);
	check_piece("another flow's first fragment", front, 9, 0, MUSTER_VERDICT_TO_SERVER);
	check_piece("its later fragment", front, 9, 1, MUSTER_VERDICT_TO_SERVER);
}

/* The flow's entry is free, or another's, when its fragments come. */
static void test_flow_is_over(void **state)
{
	struct packet in = datagram(IPPROTO_UDP, 40000), out = at_server(&in, MUSTER_MODE_NAT, 0);
	struct muster_server server;
	struct found found;
	uint64_t tag;

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	packet_build(&whole, &in);
	packet_build(&wanted, &out);
	check_piece("the first fragment", front, 9, 0, MUSTER_VERDICT_TO_SERVER);
	assert_true(flow_get(&in, &found));
	tag = *found.tag;
	found.flow->client = *role_addr(CLIENT_B, 4);
	passes("a fragment whose flow's entry is another client's", 9, 1, MUSTER_VERDICT_FRAGMENT_LATE);
	found.flow->client = *role_addr(CLIENT, 4);
	check_piece("a later fragment", front, 9, 1, MUSTER_VERDICT_TO_SERVER);
	entry_lose(&found);
	passes("a fragment whose flow's entry is free", 9, 1, MUSTER_VERDICT_FRAGMENT_LATE);
	*found.tag = tag;
	server = server_make(WEB_UDP, WEB_01, 4, SERVER_PORT);
	server.generation = 2;
	server_put(11, &server);
	passes("a fragment whose flow's server was taken out", 9, 1, MUSTER_VERDICT_FRAGMENT_LATE);
}

static void test_ttl_used_up(void **state)
{
	struct packet in = datagram(IPPROTO_UDP, 40000);
	struct outcome outcome;

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	run_on(front, fragment_build(&piece, packet_build(&whole, &in), 9, 0, PIECE));
	in.ttl = 1;
	outcome = run_on(front, fragment_build(&piece, packet_build(&whole, &in), 9, PIECE, PIECE));
	check_verdict(&outcome, MUSTER_VERDICT_TTL_EXCEEDED, "a later fragment with TTL 1");
}

/* A SYN whose checksum covers what is not here yet: it cannot be judged by it. */
static void test_fragmented_syn(void **state)
{
	struct packet in = datagram(IPPROTO_TCP, 40000), out = at_server(&in, MUSTER_MODE_NAT, 0);
	struct outcome outcome;

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	in.tcp_options = out.tcp_options = 4;
	packet_build(&whole, &in);
	packet_build(&wanted, &out);
	fragment_build(&wanted_piece, &wanted, 9, 0, 24);
	outcome = run_on(front, fragment_build(&piece, &whole, 9, 0, 24));
	check_frame(&outcome.frame, &wanted_piece, "a SYN's header alone");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_both_directions, bench_reset),
		cmocka_unit_test_setup(test_out_of_order, bench_reset),
		cmocka_unit_test_setup(test_others_fragments_pass, bench_reset),
		cmocka_unit_test_setup(test_identification_used_again, bench_reset),
		cmocka_unit_test_setup(test_flow_is_over, bench_reset),
		cmocka_unit_test_setup(test_ttl_used_up, bench_reset),
		cmocka_unit_test_setup(test_fragmented_syn, bench_reset),
	};

	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
