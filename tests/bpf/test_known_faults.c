/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults that other XDP balancers are known for, by number. K4, errors that quote 8 bytes of a packet, stands with the tests of
 * ICMP; K6, an index that passes from one server to another, in test_down.c.
 */
#include "harness.h"

static struct frame frame;

static uint8_t *ip_of(struct frame *of)
{
	return of->data + 14;
}

static struct packet host_packet(int proto)
{
	return (struct packet){.proto = proto,
			       .from = CLIENT,
			       .to = HOST,
			       .sport = 4000,
			       .dport = 22,
			       .flags = SYN,
			       .payload = 24,
			       .ip_options = 8};
}

/* K1: IPv4 options and fragments of the host's own pass, with no service and with one. */
static void test_k1_options_and_fragments_of_the_host_pass(void **state)
{
	static const uint16_t pieces[] = {0x2000, 0x2010, 0x0010};

	(void)state;
	for (unsigned served = 0; served < 2; served++) {
		struct packet packet = host_packet(IPPROTO_UDP);

		if (served)
			pool_make(4, MUSTER_MODE_FULLNAT);
		expect_passed("a datagram with options", packet_build(&frame, &packet), MUSTER_VERDICT_NO_SERVICE);
		packet = host_packet(IPPROTO_TCP);
		expect_passed("a segment with options", packet_build(&frame, &packet), MUSTER_VERDICT_NO_SERVICE);
		for (unsigned i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
			struct outcome outcome;

			packet_build(&frame, &packet);
			put16(ip_of(&frame) + 6, pieces[i]);
			outcome = run_on(front, &frame);
			assert_int_equal(outcome.action, XDP_PASS);
			check_frame(&outcome.frame, &frame, "a fragment of the host's");
		}
	}
}

/* An ICMP or ICMPv6 echo request with `id` in it. */
static void build_echo(int family, enum role to, uint16_t id)
{
	struct packet packet = {.family = family, .proto = IPPROTO_UDP, .from = CLIENT, .to = to, .payload = 24};
	uint8_t *ip, *icmp;
	uint32_t sum = 0;

	packet_build(&frame, &packet);
	ip = ip_of(&frame);
	icmp = ip + (family == 6 ? 40 : 20);
	ip[family == 6 ? 6 : 9] = family == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	icmp[0] = family == 6 ? 128 : 8;
	icmp[1] = 0;
	put16(icmp + 2, 0);
	put16(icmp + 4, id);
	if (family == 6) {
		sum = sum_pseudo_header(role_addr(CLIENT, 6), role_addr(to, 6), IPPROTO_ICMPV6, 32);
	} else {
		put16(ip + 10, 0);
		put16(ip + 10, sum_finish(sum_bytes(ip, 20, 0)));
	}
	put16(icmp + 2, sum_finish(sum_bytes(icmp, 32, sum)));
}

/* K2, K3: echo requests are the stack's to answer, whomever they are for: none is answered here, and so none wrongly. */
static void test_k2_ping_of_any_address_passes(void **state)
{
	static const enum role targets[] = {HOST, VIP, VIP_B, SOURCE, WEB_01, STRANGER};

	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		pool_make(family, MUSTER_MODE_FULLNAT);
		for (unsigned i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
			build_echo(family, targets[i], i);
			expect_passed("a ping", &frame, MUSTER_VERDICT_NOT_TRANSPORT);
		}
	}
}

static void test_k3_no_echo_request_is_answered(void **state)
{
	static struct frame out;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	for (unsigned id = 0; id < 65536; id++) {
		build_echo(4, VIP, id);
		assert_int_equal(run_quick(front, &frame, &out), XDP_PASS);
		check_frame(&out, &frame, "a ping");
	}
}

/* K3: and of what is answered here, no checksum is wrong, whatever the sum comes to. */
static void test_k3_every_sum_of_a_reset_is_right(void **state)
{
	static struct frame out;
	struct packet packet = {.from = CLIENT, .to = VIP, .sport = 9, .dport = SERVICE_PORT, .flags = ACK};

	(void)state;
	for (packet.family = 4; packet.family <= 6; packet.family += 2) {
		size_t header = packet.family == 6 ? 40 : 20;

		pool_make(packet.family, MUSTER_MODE_FULLNAT);
		for (unsigned low = 0; low < 65536; low++) {
			uint32_t sum = sum_pseudo_header(role_addr(VIP, packet.family),
							 role_addr(CLIENT, packet.family), IPPROTO_TCP, 20);

			packet.ack = 0x5a5a0000 + low;
			if (low % 500 == 0)
				map_put("muster_limits", &(uint32_t){0}, (struct muster_limits[64]){});
			assert_int_equal(run_quick(front, packet_build(&frame, &packet), &out), XDP_REDIRECT);
			assert_int_equal(get32(ip_of(&out) + header + 4), packet.ack);
			if (sum_finish(sum_bytes(ip_of(&out) + header, 20, sum)))
				fail_msg("the RST of sequence number %x has a wrong checksum", packet.ack);
		}
	}
}

/* K5: the last server of a service goes: nothing is sent to it any more, and clients are told. */
static void test_k5_the_last_server_removed_empties_the_pool(void **state)
{
	struct packet syn = {.from = CLIENT, .to = VIP, .sport = 9, .dport = SERVICE_PORT, .flags = SYN};
	struct packet datagram = {.proto = IPPROTO_UDP, .from = CLIENT, .to = VIP, .sport = 9, .dport = SERVICE_PORT};
	struct packet reset = {.from = VIP,
			       .to = CLIENT,
			       .sport = SERVICE_PORT,
			       .dport = 9,
			       .flags = RST | ACK,
			       .ack = 1,
			       .no_id = true};
	struct muster_server freed = {.generation = 2};
	struct outcome outcome;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	expect("a SYN", &syn, MUSTER_VERDICT_TO_SERVER, NULL);
	for (uint32_t i = 1; i <= 2; i++) {
		server_put(i, &freed);
		server_put(10 + i, &freed);
	}
	picks_put(WEB, (int[]){-1});
	picks_put(WEB_UDP, (int[]){-1});
	expect("the SYN again", &syn, MUSTER_VERDICT_POOL_EMPTY, &reset);
	outcome = expect("a datagram", &datagram, MUSTER_VERDICT_POOL_EMPTY, NULL);
	assert_int_equal(get16(ip_of(&outcome.frame) + 20), 0x0303); /* port unreachable */
	assert_int_equal(flow_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_k1_options_and_fragments_of_the_host_pass, bench_reset),
		cmocka_unit_test_setup(test_k2_ping_of_any_address_passes, bench_reset),
		cmocka_unit_test_setup(test_k3_no_echo_request_is_answered, bench_reset),
		cmocka_unit_test_setup(test_k3_every_sum_of_a_reset_is_right, bench_reset),
		cmocka_unit_test_setup(test_k5_the_last_server_removed_empties_the_pool, bench_reset),
	};

	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
