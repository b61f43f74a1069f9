/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is not for a service goes up untouched: every test compares each byte. (Katran K1, K2: dropped or answered.) */
#include <stdlib.h>

#include "harness.h"

static struct frame frame;

static uint8_t *ip_of(struct frame *f)
{
	return f->data + 14;
}

static void test_other_addresses_and_ports(void **state)
{
	static const struct packet packets[] = {
		{.from = CLIENT, .to = HOST, .sport = 5, .dport = SERVICE_PORT, .flags = SYN},
		{.from = CLIENT, .to = VIP, .sport = 5, .dport = 22, .flags = SYN},
		{.from = CLIENT, .to = VIP_B, .sport = 5, .dport = SERVICE_PORT, .flags = ACK, .payload = 50},
		{.from = CLIENT, .to = HOST, .proto = IPPROTO_UDP, .sport = 5, .dport = 53, .payload = 50, .ttl = 1},
		{.from = WEB_01, .to = SOURCE, .sport = SERVER_PORT, .dport = 40000, .flags = SYN | ACK},
		{.from = CLIENT, .to = HOST, .sport = 5, .dport = 9, .flags = SYN, .bad_checksum = true, .tags = 2},
		{.from = CLIENT, .to = HOST, .sport = 5, .dport = 9, .flags = RST, .ip_options = 40},
	};

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	for (unsigned i = 0; i < sizeof(packets) / sizeof(packets[0]); i++)
		expect_passed("a packet for the host", packet_build(&frame, &packets[i]), MUSTER_VERDICT_NO_SERVICE);
}

static void test_empty_maps_pass_everything(void **state)
{
	struct packet packet = {.from = CLIENT, .to = VIP, .sport = 5, .dport = SERVICE_PORT, .flags = SYN};

	(void)state;
	expect_passed("a SYN with no service", packet_build(&frame, &packet), MUSTER_VERDICT_NO_SERVICE);
	packet.family = 6;
	expect_passed("a SYN with no service", packet_build(&frame, &packet), MUSTER_VERDICT_NO_SERVICE);
}

/* An IPv6 packet to ::ffff:VIP is for no service, though its key would look like the IPv4 client's. */
static void test_ipv6_with_v4_mapped_addresses(void **state)
{
	struct packet packet = {.from = CLIENT, .to = VIP, .sport = 5, .dport = SERVICE_PORT, .flags = SYN};
	uint8_t v4[8];

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	memcpy(v4, ip_of(packet_build(&frame, &packet)) + 12, sizeof(v4));
	packet.family = 6;
	packet_build(&frame, &packet);
	for (int i = 0; i < 2; i++) {
		uint8_t *address = ip_of(&frame) + 8 + 16 * i;

		memset(address, 0, 10);
		memset(address + 10, 0xff, 2);
		memcpy(address + 12, v4 + 4 * i, 4);
	}
	expect_passed("an IPv6 SYN to the v4-mapped VIP", &frame, MUSTER_VERDICT_NOT_TRANSPORT);
}

static void test_fragments(void **state)
{
	struct packet packet = {
		.from = CLIENT, .to = VIP, .proto = IPPROTO_UDP, .sport = 5, .dport = SERVICE_PORT, .payload = 64};
	static const uint16_t fields[] = {0x2001, 0x0001, 0x1fff};

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	for (unsigned i = 0; i < 3; i++) {
		packet_build(&frame, &packet);
		put16(ip_of(&frame) + 6, fields[i]);
		expect_passed("an IPv4 fragment without its first one", &frame, MUSTER_VERDICT_FRAGMENT);
	}
	pool_make(6, MUSTER_MODE_FULLNAT);
	packet.family = 6;
	packet.ip_options = 8;
	packet_build(&frame, &packet);
	ip_of(&frame)[6] = IPPROTO_FRAGMENT;
	expect_passed("an IPv6 fragment", &frame, MUSTER_VERDICT_FRAGMENT);
}

static void test_other_protocols(void **state)
{
	static const int protos[] = {IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_GRE, IPPROTO_ESP,
				     IPPROTO_SCTP, IPPROTO_NONE,   255};
	struct packet packet = {.from = CLIENT, .to = VIP, .sport = 5, .dport = SERVICE_PORT, .flags = SYN};

	(void)state;
	for (unsigned i = 0; i < 14; i++) {
		packet.family = i & 1 ? 6 : 4;
		pool_make(packet.family, MUSTER_MODE_FULLNAT);
		packet_build(&frame, &packet);
		ip_of(&frame)[packet.family == 6 ? 6 : 9] = protos[i / 2];
		expect_passed("another protocol", &frame, MUSTER_VERDICT_NOT_TRANSPORT);
	}
}

static void test_ipv6_headers_beyond_the_bound(void **state)
{
	struct packet packet = {.family = 6,
				.from = CLIENT,
				.to = VIP,
				.sport = 5,
				.dport = SERVICE_PORT,
				.flags = SYN,
				.ip_options = 48};

	(void)state;
	pool_make(6, MUSTER_MODE_FULLNAT);
	packet_build(&frame, &packet);
	/* Six headers of 8 bytes where one of 48 stood. */
	for (unsigned i = 0; i < 6; i++) {
		ip_of(&frame)[40 + i * 8] = i < 5 ? IPPROTO_DSTOPTS : IPPROTO_TCP;
		ip_of(&frame)[41 + i * 8] = 0;
	}
	expect_passed("six extension headers", &frame, MUSTER_VERDICT_NOT_TRANSPORT);
	packet.ip_options = 8;
	packet_build(&frame, &packet);
	ip_of(&frame)[6] = IPPROTO_ROUTING;
	ip_of(&frame)[43] = 1;
	expect_passed("a routing header with segments left", &frame, MUSTER_VERDICT_NOT_TRANSPORT);
}

static void test_not_ip(void **state)
{
	static const uint16_t types[] = {0x0806, 0x88cc, 0x8847, 0x0026, 0x8863};
	struct packet packet = {.from = CLIENT, .to = VIP, .sport = 5, .dport = SERVICE_PORT, .flags = SYN};

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	for (unsigned i = 0; i < 5; i++) {
		packet_build(&frame, &packet);
		put16(frame.data + 12, types[i]);
		expect_passed("ARP or another type", &frame, MUSTER_VERDICT_NOT_IP);
	}
	packet.tags = 2;
	packet_build(&frame, &packet);
	put16(frame.data + 20, 0x8100);
	expect_passed("three VLAN tags", &frame, MUSTER_VERDICT_NOT_IP);
}

static void test_malformed(void **state)
{
	struct packet packet = {.from = CLIENT, .to = VIP, .sport = 5, .dport = SERVICE_PORT, .flags = SYN};
	static const struct {
		unsigned at;
		uint8_t value;
	} faults[] = {{0, 0x44}, {0, 0x65}, {0, 0x4f}, {2, 0xff}, {3, 0x10}, {20 + 12, 0x40}, {20 + 12, 0xf0}};

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		packet_build(&frame, &packet);
		ip_of(&frame)[faults[i].at] = faults[i].value;
		expect_passed("a contradictory header", &frame, MUSTER_VERDICT_MALFORMED);
	}
	for (unsigned size = 15; size < 54; size++) {
		packet_build(&frame, &packet);
		frame.size = size;
		expect_passed("a packet cut short", &frame, MUSTER_VERDICT_MALFORMED);
	}
	packet.proto = IPPROTO_UDP;
	packet_build(&frame, &packet);
	put16(ip_of(&frame) + 24, 7);
	expect_passed("a datagram shorter than its header", &frame, MUSTER_VERDICT_MALFORMED);
}

static void test_broadcast_frames_open_no_flow(void **state)
{
	static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};
	struct packet packet = {
		.from = CLIENT, .to = VIP, .sport = 5, .dport = SERVICE_PORT, .flags = SYN, .mac_to = everybody};

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	expect_passed("a SYN in a broadcast frame", packet_build(&frame, &packet), MUSTER_VERDICT_NO_SERVICE);
	assert_int_equal(picks_turn(WEB), 0);
}

/* 100,000 packets with bytes changed at random: whatever is passed is passed as it came. */
static void test_random_damage(void **state)
{
	unsigned seed = getenv("MUSTER_SEED") ? atoi(getenv("MUSTER_SEED")) : 20240601, passed = 0;

	(void)state;
	srand(seed);
	pool_make(4, MUSTER_MODE_FULLNAT);
	pool_make(6, MUSTER_MODE_FULLNAT);
	for (unsigned i = 0; i < 100000; i++) {
		struct packet packet = {.family = rand() & 1 ? 6 : 4,
					.proto = rand() & 1 ? IPPROTO_UDP : IPPROTO_TCP,
					.from = CLIENT,
					.to = rand() & 1 ? HOST : VIP,
					.sport = rand(),
					.dport = SERVICE_PORT,
					.flags = rand(),
					.payload = rand() % 80,
					.tags = rand() % 3,
					.ip_options = rand() % 3 * 8};
		struct xdp_md context = {.ingress_ifindex = front};
		uint8_t out[sizeof(frame.data)];
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.data, .data_out = out,
			    .data_size_out = sizeof(out), .ctx_in = &context, .ctx_size_in = sizeof(context));

		packet_build(&frame, &packet);
		for (unsigned k = rand() % 6; k; k--)
			frame.data[rand() % (k & 1 ? 64 : frame.size)] = rand();
		if (rand() % 4 == 0)
			frame.size = 14 + rand() % (frame.size - 14);
		opts.data_size_in = context.data_end = frame.size;
		assert_int_equal(bpf_prog_test_run_opts(program, &opts), 0);
		if (opts.retval == XDP_ABORTED || opts.retval == XDP_TX || opts.retval > XDP_REDIRECT)
			fail_msg("seed %u, packet %u: XDP action %u", seed, i, opts.retval);
		if (opts.retval != XDP_PASS)
			continue;
		passed++;
		if (opts.data_size_out != frame.size || memcmp(out, frame.data, frame.size))
			fail_msg("seed %u, packet %u: passed, but changed", seed, i);
	}
	assert_in_range(passed, 50000, 99000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_other_addresses_and_ports, bench_reset),
		cmocka_unit_test_setup(test_empty_maps_pass_everything, bench_reset),
		cmocka_unit_test_setup(test_ipv6_with_v4_mapped_addresses, bench_reset),
		cmocka_unit_test_setup(test_fragments, bench_reset),
		cmocka_unit_test_setup(test_other_protocols, bench_reset),
		cmocka_unit_test_setup(test_ipv6_headers_beyond_the_bound, bench_reset),
		cmocka_unit_test_setup(test_not_ip, bench_reset),
		cmocka_unit_test_setup(test_malformed, bench_reset),
		cmocka_unit_test_setup(test_broadcast_frames_open_no_flow, bench_reset),
		cmocka_unit_test_setup(test_random_damage, bench_reset),
	};

	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
