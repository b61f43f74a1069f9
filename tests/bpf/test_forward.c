/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets of flows: what goes to the server, what goes back to the client, byte for byte. */
#include "harness.h"

struct variant {
	int family, proto;
	enum muster_mode mode;
};

/* The client's packet as the server must get it: from the balancer in fullnat, from the client in nat. */
static struct packet at_server(const struct packet *in, const struct variant *v, uint16_t port)
{
	struct packet out = *in;

	out.to = WEB_01;
	out.dport = SERVER_PORT;
	out.ttl = in->ttl ? in->ttl - 1 : 63;
	out.mac_from = role_mac(SOURCE);
	out.mac_to = NULL;
	if (v->mode == MUSTER_MODE_FULLNAT) {
		out.from = SOURCE;
		out.sport = port;
	}
	return out;
}

/* There and back, with what `like` says about options, tags and payload. */
static void there_and_back(const struct variant *v, struct packet like)
{
	struct packet in = like, out, answer, back_out;
	struct outcome outcome;
	struct frame wanted;
	uint16_t port;

	bench_reset(NULL);
	pool_make(v->family, v->mode);
	in.family = v->family;
	in.proto = v->proto;
	in.from = CLIENT;
	in.to = VIP;
	in.sport = 40000;
	in.dport = SERVICE_PORT;
	in.flags = SYN;
	in.seq = 1000;
	outcome = expect("the client's first packet", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	port = source_port(&outcome.frame);
	out = at_server(&in, v, port);
	check_frame(&outcome.frame, packet_build(&wanted, &out), "the client's first packet");
	outcome = expect("the client's first packet, sent again", &in, MUSTER_VERDICT_TO_SERVER, &out);

	answer = like;
	answer.family = v->family;
	answer.proto = v->proto;
	answer.from = WEB_01;
	answer.to = v->mode == MUSTER_MODE_FULLNAT ? SOURCE : CLIENT;
	answer.mac_to = role_mac(SOURCE);
	answer.sport = SERVER_PORT;
	answer.dport = v->mode == MUSTER_MODE_FULLNAT ? port : 40000;
	answer.flags = SYN | ACK;
	answer.seq = 5000;
	answer.ack = 1001;
	back_out = answer;
	back_out.from = VIP;
	back_out.to = CLIENT;
	back_out.mac_to = NULL;
	back_out.sport = SERVICE_PORT;
	back_out.dport = 40000;
	back_out.ttl = 63;
	expect("the server's answer", &answer, MUSTER_VERDICT_TO_CLIENT, &back_out);
}

static void each_variant(const struct packet *like)
{
	static const int protos[] = {IPPROTO_TCP, IPPROTO_UDP};

	for (unsigned i = 0; i < 8; i++) {
		struct variant v = {i & 1 ? 6 : 4, protos[i >> 1 & 1], i >> 2 ? MUSTER_MODE_NAT : MUSTER_MODE_FULLNAT};

		there_and_back(&v, *like);
	}
}

static void test_both_directions(void **state)
{
	(void)state;
	each_variant(&(struct packet){.payload = 0});
	each_variant(&(struct packet){.payload = 1});
	each_variant(&(struct packet){.payload = 1400});
}

static void test_vlan_tags_stay(void **state)
{
	(void)state;
	each_variant(&(struct packet){.tags = 1, .payload = 33});
	each_variant(&(struct packet){.tags = 2, .payload = 33});
}

static void test_options_and_extension_headers_stay(void **state)
{
	(void)state;
	each_variant(&(struct packet){.ip_options = 8, .tcp_options = 20});
	each_variant(&(struct packet){.ip_options = 40, .tcp_options = 40, .tags = 2});
}

static void test_padding_stays(void **state)
{
	(void)state;
	each_variant(&(struct packet){.padding = 6});
}

static void test_checksums_of_many_packets(void **state)
{
	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	/* Every value of the ports and of the payload's length moves both checksums: the carries get their turn. */
	for (unsigned i = 0; i < 3000; i++) {
		struct variant v = {4, IPPROTO_UDP, MUSTER_MODE_FULLNAT};
		struct packet in = {.proto = IPPROTO_UDP,
				    .from = CLIENT,
				    .to = VIP,
				    .sport = 20000 + i * 13,
				    .dport = SERVICE_PORT,
				    .payload = i % 700,
				    .ttl = 2 + i % 254};
		struct outcome outcome = run(&in);
		struct packet out = at_server(&in, &v, source_port(&outcome.frame));
		struct frame wanted;

		check_verdict(&outcome, MUSTER_VERDICT_TO_SERVER, "a datagram");
		if (i & 1)
			out.to = WEB_02;
		check_frame(&outcome.frame, packet_build(&wanted, &out), "a datagram");
	}
}

static void test_udp_checksum_zero(void **state)
{
	struct packet in = {.proto = IPPROTO_UDP,
			    .from = CLIENT,
			    .to = VIP,
			    .sport = 5,
			    .dport = SERVICE_PORT,
			    .payload = 9,
			    .no_checksum = true};
	struct variant v = {4, IPPROTO_UDP, MUSTER_MODE_NAT};
	struct packet out = at_server(&in, &v, 0);
	struct frame frame;
	unsigned zero = 0;

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	expect("a datagram without a checksum", &in, MUSTER_VERDICT_TO_SERVER, &out);

	/* Two bytes of payload walk through all values: one of them makes the sum 0, which must go out as ffff. */
	in.no_checksum = false;
	in.payload = 2;
	for (unsigned i = 0; i < 65536; i++) {
		struct outcome outcome;

		packet_build(&frame, &in);
		put16(frame.data + 42, i);
		put16(frame.data + 40, 0);
		put16(frame.data + 40, sum_finish(sum_bytes(frame.data + 34, 10,
							    sum_pseudo_header(role_addr(CLIENT, 4), role_addr(VIP, 4),
									      IPPROTO_UDP, 10))));
		if (!get16(frame.data + 40))
			continue;
		if (sum_finish(sum_bytes(
			    "\x00\x05\x1f\x90\x00\x0a\x00\x00", 8,
			    sum_pseudo_header(role_addr(CLIENT, 4), role_addr(WEB_01, 4), IPPROTO_UDP, 10) + i)))
			continue;
		outcome = run_on(front, &frame);
		assert_int_equal(get16(outcome.frame.data + 40), 0xffff);
		zero++;
	}
	assert_int_equal(zero, 1);
}

static void test_server_port_of_the_service(void **state)
{
	struct muster_service any = service_make(VIP_B, 4, IPPROTO_TCP, 0, MUSTER_MODE_NAT);
	struct muster_server server = server_make(ANY_PORT, WEB_01, 4, 0);
	struct packet in = {.from = CLIENT, .to = VIP_B, .sport = 7, .dport = 2222, .flags = SYN};
	struct packet out = in;

	(void)state;
	service_put(ANY_PORT, &any);
	server_put(3, &server);
	picks_put(ANY_PORT, (int[]){3, -1});
	out.to = WEB_01;
	out.ttl = 63;
	out.mac_from = role_mac(SOURCE);
	expect("a SYN to any port", &in, MUSTER_VERDICT_TO_SERVER, &out);
}

static void test_counters(void **state)
{
	struct packet in = {.from = CLIENT, .to = VIP, .sport = 9, .dport = SERVICE_PORT, .flags = SYN};
	struct muster_stats stats;

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	run(&in);
	run(&in);
	expect("the answer",
	       &(struct packet){.from = WEB_01,
				.to = CLIENT,
				.sport = SERVER_PORT,
				.dport = 9,
				.flags = SYN | ACK,
				.payload = 10},
	       MUSTER_VERDICT_TO_CLIENT, NULL);
	for (unsigned i = 0; i < 2; i++) {
		stats = stats_of(i ? "muster_srv_stat" : "muster_svc_stat", 1);
		assert_int_equal(stats.packets_in, 2);
		assert_int_equal(stats.bytes_in, 2 * 54);
		assert_int_equal(stats.packets_out, 1);
		assert_int_equal(stats.bytes_out, 64);
		assert_int_equal(stats.flows_new, 1);
		assert_int_equal(stats.flows_closed, 0);
	}
	in.flags = FIN | ACK;
	run(&in);
	run(&in);
	assert_int_equal(stats_of("muster_svc_stat", WEB).flows_closed, 1);
	assert_int_equal(stats_of("muster_srv_stat", 2).packets_in, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_both_directions, bench_reset),
		cmocka_unit_test_setup(test_vlan_tags_stay, bench_reset),
		cmocka_unit_test_setup(test_options_and_extension_headers_stay, bench_reset),
		cmocka_unit_test_setup(test_padding_stays, bench_reset),
		cmocka_unit_test_setup(test_checksums_of_many_packets, bench_reset),
		cmocka_unit_test_setup(test_udp_checksum_zero, bench_reset),
		cmocka_unit_test_setup(test_server_port_of_the_service, bench_reset),
		cmocka_unit_test_setup(test_counters, bench_reset),
	};

	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
