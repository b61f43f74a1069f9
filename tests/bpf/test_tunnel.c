/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Modes in which answers do not come this way: dr writes the link address alone, ipip and gue put the packet into another
 * one. Every byte is compared with a packet that was built here.
 */
#include <arpa/inet.h>

#include "harness.h"

#define TRAFFIC_CLASS 0xb9 /* an odd one, congestion mark included */
#define GUE_BYTES     12

static const int families[] = {4, 6};
static const int protocols[] = {IPPROTO_TCP, IPPROTO_UDP};

/* A pool of one server, of any family: what is in it, and who it is for. */
static struct muster_server pool_of_one(enum muster_mode mode, int inner, int outer, int proto)
{
	uint32_t service = proto == IPPROTO_TCP ? WEB : WEB_UDP;
	struct muster_server server = server_make(service, WEB_01, outer, SERVICE_PORT);

	bench_reset(NULL);
	pool_make(inner, mode);
	server_put(1, &server);
	picks_put(service, (int[]){1, -1});
	return server;
}

static struct packet client_packet(int family, int proto, unsigned payload)
{
	return (struct packet){.family = family,
			       .proto = proto,
			       .from = CLIENT,
			       .to = VIP,
			       .sport = 1000,
			       .dport = SERVICE_PORT,
			       .flags = SYN,
			       .seq = 100,
			       .payload = payload};
}

static uint8_t *l3_of(struct frame *frame, const struct packet *packet)
{
	return frame->data + 14 + packet->tags * 4;
}

/* The packet with a traffic class. */
static void build_marked(struct frame *frame, const struct packet *packet)
{
	uint8_t *ip = l3_of(packet_build(frame, packet), packet);

	if (packet->family == 6) {
		put16(ip, 0x6000 | TRAFFIC_CLASS << 4);
		return;
	}
	ip[1] = TRAFFIC_CLASS;
	put16(ip + 10, 0);
	put16(ip + 10, sum_finish(sum_bytes(ip, 20 + packet->ip_options, 0)));
}

static uint8_t *build_outer_ipv4(uint8_t *at, int proto, size_t bytes)
{
	memset(at, 0, 20);
	at[0] = 0x45;
	at[1] = TRAFFIC_CLASS;
	put16(at + 2, 20 + bytes);
	put16(at + 6, 0x4000);
	at[8] = 64;
	at[9] = proto;
	memcpy(at + 12, &role_addr(SOURCE, 4)->word[3], 4);
	memcpy(at + 16, &role_addr(WEB_01, 4)->word[3], 4);
	put16(at + 10, sum_finish(sum_bytes(at, 20, 0)));
	return at + 20;
}

static uint8_t *build_outer_ipv6(uint8_t *at, int proto, size_t bytes)
{
	put32(at, 0x60000000 | TRAFFIC_CLASS << 20);
	put16(at + 4, bytes);
	at[6] = proto;
	at[7] = 64;
	memcpy(at + 8, role_addr(SOURCE, 6), 16);
	memcpy(at + 24, role_addr(WEB_01, 6), 16);
	return at + 40;
}

/* The packet around what `in` is one hop later. The source port of gue is what `got` has. */
static void build_around(struct frame *out, const struct packet *in, int outer, bool gue, const struct frame *got)
{
	struct packet later = *in;
	struct frame inner;
	size_t l2 = 14 + in->tags * 4, bytes;
	int proto = in->family == 6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	uint8_t *at;

	later.ttl = (in->ttl ? in->ttl : 64) - 1;
	later.mac_from = role_mac(SOURCE);
	later.mac_to = role_mac(WEB_01);
	build_marked(&inner, &later);
	bytes = inner.size - l2 - in->padding + (gue ? GUE_BYTES : 0);
	memcpy(out->data, inner.data, l2);
	put16(out->data + l2 - 2, outer == 6 ? 0x86dd : 0x0800);
	at = out->data + l2;
	at = outer == 6 ? build_outer_ipv6(at, gue ? IPPROTO_UDP : proto, bytes)
			: build_outer_ipv4(at, gue ? IPPROTO_UDP : proto, bytes);
	if (gue) {
		memcpy(at, got->data + (at - out->data), 2);
		put16(at + 2, 6080);
		put16(at + 4, bytes);
		put16(at + 6, 0);
		put32(at + 8, proto << 16);
		at += GUE_BYTES;
	}
	memcpy(at, inner.data + l2, inner.size - l2);
	out->size = at - out->data + inner.size - l2;
}

static void check_tunnel(enum muster_mode mode, const struct packet *in, int outer)
{
	struct outcome outcome;
	struct frame frame;
	char what[64];

	snprintf(what, sizeof(what), "%s, %d in %d, %s, %u tags", mode == MUSTER_MODE_GUE ? "gue" : "ipip", in->family,
		 outer, in->proto == IPPROTO_TCP ? "TCP" : "UDP", in->tags);
	build_marked(&frame, in);
	outcome = run_on(front, &frame);
	check_verdict(&outcome, MUSTER_VERDICT_TO_SERVER, what);
	build_around(&frame, in, outer, mode == MUSTER_MODE_GUE, &outcome.frame);
	check_frame(&outcome.frame, &frame, what);
}

/* Every family in every family, TCP and UDP, with and without tags, options and padding; first and later packets. */
static void check_tunnels(enum muster_mode mode)
{
	for (unsigned i = 0; i < 24; i++) {
		int inner = families[i & 1], outer = families[i >> 1 & 1], proto = protocols[i >> 2 & 1];
		struct packet in = client_packet(inner, proto, i * 5);

		in.tags = i / 8;
		pool_of_one(mode, inner, outer, proto);
		check_tunnel(mode, &in, outer);
		assert_int_equal(flow_count(), 1);
		in.flags = ACK;
		in.payload = 1200 + i;
		check_tunnel(mode, &in, outer);
		in.flags = ACK | FIN;
		in.payload = 0;
		in.ip_options = 8;
		in.padding = i % 3;
		in.ttl = 2;
		check_tunnel(mode, &in, outer);
		assert_int_equal(flow_count(), 1);
	}
}

static void test_ipip(void **state)
{
	(void)state;
	check_tunnels(MUSTER_MODE_IPIP);
}

static void test_gue(void **state)
{
	(void)state;
	check_tunnels(MUSTER_MODE_GUE);
}

/* The source port of GUE: one a flow, another for another flow, all among the dynamic ones. */
static void test_gue_spreads_flows(void **state)
{
	uint16_t port[16];
	unsigned others = 0;

	(void)state;
	pool_of_one(MUSTER_MODE_GUE, 4, 4, IPPROTO_TCP);
	for (unsigned i = 0; i < 16; i++) {
		struct packet in = client_packet(4, IPPROTO_TCP, 0);
		struct outcome outcome;

		in.sport += i;
		outcome = expect("a SYN", &in, MUSTER_VERDICT_TO_SERVER, NULL);
		port[i] = source_port(&outcome.frame);
		assert_in_range(port[i], 49152, 65535);
		others += port[i] != port[0];
		in.flags = ACK;
		outcome = expect("a segment", &in, MUSTER_VERDICT_TO_SERVER, NULL);
		assert_int_equal(source_port(&outcome.frame), port[i]);
	}
	assert_true(others > 10);
}

static void test_dr_writes_the_link_address_alone(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		int family = families[i & 1], proto = protocols[i >> 1 & 1];
		struct packet in = client_packet(family, proto, i * 5), out;

		in.tags = i / 4;
		pool_of_one(MUSTER_MODE_DR, family, family, proto);
		out = in;
		out.mac_from = role_mac(SOURCE);
		out.mac_to = role_mac(WEB_01);
		expect("the first packet", &in, MUSTER_VERDICT_TO_SERVER, &out);
		in.flags = out.flags = ACK;
		in.payload = out.payload = 1000;
		in.ttl = out.ttl = 2;
		in.padding = out.padding = 3;
		in.ip_options = out.ip_options = 8;
		expect("another one", &in, MUSTER_VERDICT_TO_SERVER, &out);
		assert_int_equal(flow_count(), 1);
	}
}

/* Services of each mode side by side: each packet goes its own service's way. */
static void test_modes_side_by_side(void **state)
{
	static const enum muster_mode modes[] = {MUSTER_MODE_NAT, MUSTER_MODE_DR, MUSTER_MODE_IPIP, MUSTER_MODE_GUE};
	static const unsigned more[] = {0, 0, 20, 32};

	(void)state;
	bench_reset(NULL);
	for (unsigned i = 0; i < 4; i++) {
		struct muster_service service = service_make(VIP, 4, IPPROTO_TCP, 100 + i, modes[i]);
		struct muster_server server = server_make(WEB + i, WEB_01, 4, 100 + i);

		service_put(WEB + i, &service);
		server_put(20 + i, &server);
		picks_put(WEB + i, (int[]){20 + i, -1});
	}
	for (unsigned i = 0; i < 8; i++) {
		struct packet in = client_packet(4, IPPROTO_TCP, 0);
		struct outcome outcome;
		struct frame frame;

		in.dport = 100 + i % 4;
		outcome = expect("a SYN", &in, MUSTER_VERDICT_TO_SERVER, NULL);
		assert_int_equal(outcome.frame.size, packet_build(&frame, &in)->size + more[i % 4]);
	}
}

/* "Too big", sent from VIP to the client, with the size that fits, quoting the packet as it came. */
static void check_told(const struct packet *in, const struct frame *sent, struct outcome *outcome, uint32_t fits)
{
	unsigned ip = in->family == 6 ? 40 : 20;
	uint8_t *header, *icmp;
	uint32_t sum = 0;

	check_verdict(outcome, MUSTER_VERDICT_TOO_BIG, "a packet beyond the MTU");
	header = l3_of(&outcome->frame, in);
	icmp = header + ip;
	assert_int_equal(outcome->frame.size, icmp + 8 + 128 - outcome->frame.data);
	assert_memory_equal(outcome->frame.data, role_mac(CLIENT), 6);
	assert_memory_equal(outcome->frame.data + 6, role_mac(VIP), 6);
	if (in->family == 6) {
		assert_memory_equal(header + 8, role_addr(VIP, 6), 16);
		assert_memory_equal(header + 24, role_addr(CLIENT, 6), 16);
		sum = sum_pseudo_header(role_addr(VIP, 6), role_addr(CLIENT, 6), IPPROTO_ICMPV6, 8 + 128);
		assert_int_equal(get16(icmp), 0x0200);
	} else {
		assert_memory_equal(header + 12, &role_addr(VIP, 4)->word[3], 4);
		assert_memory_equal(header + 16, &role_addr(CLIENT, 4)->word[3], 4);
		assert_int_equal(get16(icmp), 0x0304);
	}
	assert_int_equal(sum_finish(sum_bytes(icmp, 8 + 128, sum)), 0);
	assert_int_equal(get32(icmp + 4), fits);
	assert_memory_equal(icmp + 8, sent->data + 14 + in->tags * 4, 128);
}

static unsigned around(enum muster_mode mode, int outer)
{
	if (mode < MUSTER_MODE_IPIP)
		return 0;
	return (outer == 6 ? 40 : 20) + (mode == MUSTER_MODE_GUE ? GUE_BYTES : 0);
}

/* Each mode, family in family, TCP and UDP: what just fits goes through, a byte more is told what fits. */
static void test_too_big_is_told_the_size(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		enum muster_mode mode = i / 8;
		int inner = families[i & 1], outer = families[i >> 1 & 1], proto = protocols[i >> 2 & 1];
		unsigned headers = (inner == 6 ? 40 : 20) + (proto == IPPROTO_TCP ? 20 : 8), fits;
		struct muster_server server;
		struct outcome outcome;
		struct packet in;
		struct frame sent;

		if (mode < MUSTER_MODE_IPIP)
			outer = inner;
		server = pool_of_one(mode, inner, outer, proto);
		server.mtu = 1400;
		server_put(1, &server);
		if (mode == MUSTER_MODE_FULLNAT)
			ports_put(1, PORT_FIRST, PORT_COUNT, 1);
		fits = server.mtu - around(mode, outer);
		in = client_packet(inner, proto, 0);
		in.tags = i % 3;
		expect("the first packet", &in, MUSTER_VERDICT_TO_SERVER, NULL);
		in.flags = ACK;
		in.payload = fits - headers;
		expect("a packet that just fits", &in, MUSTER_VERDICT_TO_SERVER, NULL);
		in.payload++;
		packet_build(&sent, &in);
		outcome = run_on(front, &sent);
		check_told(&in, &sent, &outcome, fits);
	}
}

static void test_limit_on_telling(void **state)
{
	struct muster_server server = pool_of_one(MUSTER_MODE_IPIP, 4, 4, IPPROTO_TCP);
	struct packet in = client_packet(4, IPPROTO_TCP, 0);
	struct muster_config config;

	(void)state;
	server.mtu = 1500;
	server_put(1, &server);
	config_get(&config);
	config.resets_per_s = 2;
	config_put(&config);
	expect("a SYN", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	in.flags = ACK;
	in.payload = 1460;
	for (unsigned i = 0; i < 4; i++)
		expect("a segment", &in, i < 2 ? MUSTER_VERDICT_TOO_BIG : MUSTER_VERDICT_NO_FLOW_QUIET, NULL);
}

/* Without a hop in its record, a server's way is asked for by its own family, and its size with it. */
static void test_the_fib_is_asked_for_the_outer_packet(void **state)
{
	(void)state;
	command("ip addr replace 198.51.100.1/24 dev back && ip addr replace 2001:db8:2::1/64 dev back nodad &&"
		"ip link set back mtu 1300 &&"
		"ip neigh replace 198.51.100.11 lladdr 02:00:00:00:01:11 dev back nud permanent &&"
		"ip neigh replace 2001:db8:2::11 lladdr 02:00:00:00:01:11 dev back nud permanent");
	for (unsigned i = 0; i < 4; i++) {
		int inner = families[i & 1], outer = families[i >> 1];
		struct muster_server server = pool_of_one(MUSTER_MODE_GUE, inner, outer, IPPROTO_TCP);
		unsigned fits = 1300 - around(MUSTER_MODE_GUE, outer);
		struct packet in = client_packet(inner, IPPROTO_TCP, 0);
		struct outcome outcome;
		struct frame sent;

		memset(&server.hop, 0, sizeof(server.hop));
		server_put(1, &server);
		outcome = expect("a SYN", &in, MUSTER_VERDICT_TO_SERVER, NULL);
		assert_memory_equal(outcome.frame.data, role_mac(WEB_01), 6);
		assert_int_equal(get16(outcome.frame.data + 12), outer == 6 ? 0x86dd : 0x0800);
		in.flags = ACK;
		in.payload = fits - (inner == 6 ? 60 : 40);
		expect("a segment that just fits", &in, MUSTER_VERDICT_TO_SERVER, NULL);
		in.payload++;
		packet_build(&sent, &in);
		outcome = run_on(front, &sent);
		check_told(&in, &sent, &outcome, fits);
	}
}

/* The event names the tunnel's end, whose family is not the packet's. */
static void test_unknown_tunnel_end_is_told(void **state)
{
	(void)state;
	command("ip addr replace 198.51.100.1/24 dev back && ip addr replace 2001:db8:2::1/64 dev back nodad &&"
		"ip neigh flush dev back nud all; ip link set back mtu 1500");
	for (unsigned i = 0; i < 4; i++) {
		int inner = families[i & 1], outer = families[i >> 1];
		struct muster_server server = pool_of_one(MUSTER_MODE_IPIP, inner, outer, IPPROTO_TCP);
		struct packet in = client_packet(inner, IPPROTO_TCP, 0);
		struct muster_event event;

		memset(&server.hop, 0, sizeof(server.hop));
		server_put(1, &server);
		expect("a SYN", &in, MUSTER_VERDICT_NO_NEIGHBOUR, NULL);
		assert_true(event_get(&event));
		assert_int_equal(event.kind, MUSTER_EVENT_NO_NEIGHBOUR);
		assert_memory_equal(&event.tuple.dst, role_addr(WEB_01, outer), sizeof(event.tuple.dst));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dr_writes_the_link_address_alone),
		cmocka_unit_test(test_ipip),
		cmocka_unit_test(test_gue),
		cmocka_unit_test(test_gue_spreads_flows),
		cmocka_unit_test(test_modes_side_by_side),
		cmocka_unit_test(test_too_big_is_told_the_size),
		cmocka_unit_test(test_limit_on_telling),
		cmocka_unit_test(test_the_fib_is_asked_for_the_outer_packet),
		cmocka_unit_test(test_unknown_tunnel_end_is_told),
	};

	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
