/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Refusals: RST by RFC 9293 3.10.7, ICMP port unreachable, who gets none, how many a second. And the empty pool. */
#include "harness.h"

static const int nobody[] = {-1};

static void pool_empty(int family, enum muster_on_empty policy)
{
	struct muster_service service;

	pool_make(family, MUSTER_MODE_FULLNAT);
	for (unsigned i = 0; i < 2; i++) {
		service = service_make(VIP, family, i ? IPPROTO_UDP : IPPROTO_TCP, SERVICE_PORT, MUSTER_MODE_FULLNAT);
		service.on_empty = policy;
		service_put(i ? WEB_UDP : WEB, &service);
		picks_put(i ? WEB_UDP : WEB, nobody);
	}
}

static struct packet client_packet(int family, uint8_t flags, unsigned payload)
{
	return (struct packet){.family = family,
			       .from = CLIENT,
			       .to = VIP,
			       .sport = 3000,
			       .dport = SERVICE_PORT,
			       .flags = flags,
			       .seq = 0xfffffff0,
			       .ack = 777,
			       .payload = payload};
}

static struct packet reset(const struct packet *in, uint8_t flags, uint32_t seq, uint32_t ack)
{
	return (struct packet){.family = in->family,
			       .from = VIP,
			       .to = CLIENT,
			       .sport = in->dport,
			       .dport = in->sport,
			       .flags = flags,
			       .seq = seq,
			       .ack = ack,
			       .tags = in->tags,
			       .no_id = true};
}

static void test_reset_numbers(void **state)
{
	static const int families[] = {4, 6};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct packet in, out;

		bench_reset(NULL);
		pool_empty(families[i], MUSTER_ON_EMPTY_REJECT);
		in = client_packet(families[i], SYN, 0);
		in.tcp_options = 20;
		out = reset(&in, RST | ACK, 0, 0xfffffff1);
		expect("a SYN", &in, MUSTER_VERDICT_POOL_EMPTY, &out);
		in = client_packet(families[i], SYN, 100);
		in.tags = 2;
		in.ip_options = 16;
		out = reset(&in, RST | ACK, 0, 0xfffffff0 + 101);
		expect("a SYN with data, options and tags", &in, MUSTER_VERDICT_POOL_EMPTY, &out);
		in = client_packet(families[i], ACK, 300);
		out = reset(&in, RST, 777, 0);
		expect("a segment of no flow", &in, MUSTER_VERDICT_NO_FLOW, &out);
		in = client_packet(families[i], FIN, 5);
		in.padding = 1;
		out = reset(&in, RST | ACK, 0, 0xfffffff0 + 6);
		expect("a FIN without ACK", &in, MUSTER_VERDICT_NO_FLOW, &out);
	}
	assert_int_equal(stats_of("muster_svc_stat", WEB).refused, 4);
}

static void test_a_reset_is_never_answered(void **state)
{
	struct packet in = client_packet(4, RST, 0);
	struct muster_config config;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	config_get(&config);
	config.resets_per_s = 1;
	config_put(&config);
	expect("a RST of no flow", &in, MUSTER_VERDICT_NO_FLOW_QUIET, NULL);
	in.flags = RST | ACK | SYN;
	expect("a RST of no flow", &in, MUSTER_VERDICT_NO_FLOW_QUIET, NULL);
	assert_int_equal(picks_turn(WEB), 0);
	/* Nor does it use up what others may be answered with. */
	in.flags = ACK;
	expect("a segment of no flow", &in, MUSTER_VERDICT_NO_FLOW, NULL);
}

static void test_limit_on_resets(void **state)
{
	struct packet in = client_packet(4, ACK, 1);
	struct muster_config config;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	config_get(&config);
	config.resets_per_s = 3;
	config_put(&config);
	for (unsigned i = 0; i < 6; i++)
		expect("a segment of no flow", &in, i < 3 ? MUSTER_VERDICT_NO_FLOW : MUSTER_VERDICT_NO_FLOW_QUIET,
		       NULL);
	config.ticks_per_s = 0; /* every packet begins another second */
	config_put(&config);
	expect("a segment in the next second", &in, MUSTER_VERDICT_NO_FLOW, NULL);
}

/* The refusal of a datagram: sent from VIP to the client, its quote what was refused, cut at 128 bytes. */
static void check_icmp(const struct packet *in, const struct frame *sent, const struct frame *got)
{
	unsigned l2 = 14 + in->tags * 4, ip = in->family == 6 ? 40 : 20;
	const uint8_t *header = got->data + l2, *icmp = header + ip;
	size_t quote = (sent->size - l2 - in->padding) & ~3UL, bytes;
	uint32_t sum;

	quote = quote > 128 ? 128 : quote;
	bytes = 8 + quote;
	assert_int_equal(got->size, l2 + ip + bytes);
	assert_memory_equal(got->data, role_mac(CLIENT), 6);
	assert_memory_equal(got->data + 6, role_mac(VIP), 6);
	assert_memory_equal(got->data + 12, sent->data + 12, l2 - 12);
	if (in->family == 6) {
		assert_int_equal(header[0], 0x60);
		assert_int_equal(get16(header + 4), bytes);
		assert_int_equal(header[6], IPPROTO_ICMPV6);
		assert_memory_equal(header + 8, role_addr(VIP, 6), 16);
		assert_memory_equal(header + 24, role_addr(CLIENT, 6), 16);
		sum = sum_pseudo_header(role_addr(VIP, 6), role_addr(CLIENT, 6), IPPROTO_ICMPV6, bytes);
		assert_int_equal(get16(icmp), 0x0104);
	} else {
		assert_int_equal(header[0], 0x45);
		assert_int_equal(get16(header + 2), 20 + bytes);
		assert_int_equal(header[9], IPPROTO_ICMP);
		assert_int_equal(sum_finish(sum_bytes(header, 20, 0)), 0);
		assert_memory_equal(header + 12, &role_addr(VIP, 4)->word[3], 4);
		assert_memory_equal(header + 16, &role_addr(CLIENT, 4)->word[3], 4);
		sum = 0;
		assert_int_equal(get16(icmp), 0x0303);
	}
	assert_int_equal(sum_finish(sum_bytes(icmp, bytes, sum)), 0);
	assert_int_equal(get32(icmp + 4), 0);
	assert_memory_equal(icmp + 8, sent->data + l2, quote);
}

static void test_port_unreachable(void **state)
{
	static const unsigned payloads[] = {0, 1, 2, 3, 72, 100, 1400};

	(void)state;
	for (unsigned i = 0; i < 28; i++) {
		struct packet in = client_packet(i & 1 ? 6 : 4, 0, payloads[i / 4]);
		struct outcome outcome;
		struct frame sent;

		in.proto = IPPROTO_UDP;
		in.tags = i & 2;
		in.ip_options = i & 2 ? 8 : 0;
		in.padding = i % 3;
		pool_empty(in.family, MUSTER_ON_EMPTY_REJECT);
		outcome = run_on(front, packet_build(&sent, &in));
		check_verdict(&outcome, MUSTER_VERDICT_POOL_EMPTY, "a datagram for an empty pool");
		check_icmp(&in, &sent, &outcome.frame);
	}
}

static void test_limit_on_icmp(void **state)
{
	struct packet in = client_packet(4, 0, 10);
	struct muster_config config;

	(void)state;
	in.proto = IPPROTO_UDP;
	pool_empty(4, MUSTER_ON_EMPTY_REJECT);
	config_get(&config);
	config.resets_per_s = 2;
	config_put(&config);
	for (unsigned i = 0; i < 4; i++)
		expect("a datagram", &in, i < 2 ? MUSTER_VERDICT_POOL_EMPTY : MUSTER_VERDICT_NO_FLOW_QUIET, NULL);
}

static void test_nobody_is_answered_at_an_impossible_address(void **state)
{
	static const uint32_t addresses[] = {0, 0x7f000001, 0xe0000001, 0xffffffff};
	struct packet in = client_packet(4, 0, 10);
	struct outcome outcome;
	struct frame frame;

	(void)state;
	in.proto = IPPROTO_UDP;
	pool_empty(4, MUSTER_ON_EMPTY_REJECT);
	for (unsigned i = 0; i < 4; i++) {
		packet_build(&frame, &in);
		put32(frame.data + 26, addresses[i]);
		outcome = run_on(front, &frame);
		check_verdict(&outcome, MUSTER_VERDICT_NO_FLOW_QUIET, "a datagram from nobody");
	}
}

static void test_empty_pool_policies(void **state)
{
	struct packet in = client_packet(4, SYN, 0);
	struct muster_event event;
	struct frame frame;

	(void)state;
	pool_empty(4, MUSTER_ON_EMPTY_REJECT);
	expect("a SYN, reject", &in, MUSTER_VERDICT_POOL_EMPTY, NULL);
	assert_true(event_get(&event));
	assert_int_equal(event.kind, MUSTER_EVENT_POOL_EMPTY);
	assert_int_equal(event.service, WEB);
	pool_empty(4, MUSTER_ON_EMPTY_DROP);
	expect("a SYN, drop", &in, MUSTER_VERDICT_POOL_EMPTY_DROP, NULL);
	pool_empty(4, MUSTER_ON_EMPTY_PASS);
	expect_passed("a SYN, pass", packet_build(&frame, &in), MUSTER_VERDICT_POOL_EMPTY_PASS);
	in.flags = ACK;
	in.ttl = 1;
	expect_passed("a segment, pass", packet_build(&frame, &in), MUSTER_VERDICT_POOL_EMPTY_PASS);
}

static void test_a_service_without_a_table_is_empty(void **state)
{
	struct packet in = client_packet(4, SYN, 0);
	uint32_t index = WEB;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	bpf_map_delete_elem(map_fd("muster_picks"), &index);
	expect("a SYN", &in, MUSTER_VERDICT_POOL_EMPTY, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reset_numbers, bench_reset),
		cmocka_unit_test_setup(test_a_reset_is_never_answered, bench_reset),
		cmocka_unit_test_setup(test_limit_on_resets, bench_reset),
		cmocka_unit_test_setup(test_port_unreachable, bench_reset),
		cmocka_unit_test_setup(test_limit_on_icmp, bench_reset),
		cmocka_unit_test_setup(test_nobody_is_answered_at_an_impossible_address, bench_reset),
		cmocka_unit_test_setup(test_empty_pool_policies, bench_reset),
		cmocka_unit_test_setup(test_a_service_without_a_table_is_empty, bench_reset),
	};

	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
