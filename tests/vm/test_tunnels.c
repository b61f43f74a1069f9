/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Muster puts around a packet is, byte for byte, what the kernel's own tunnel devices put around it, but for two fields,
 * which each makes in its own way: the identification of IPv4, with the header's checksum that covers it, and the source port
 * of GUE. Those are looked at apart.
 */
#include "../bpf/harness.h"
#include "tunnel.h"

#define TUNNELS_MOST  8
#define TRAFFIC_CLASS 0xb9 /* with a congestion mark, which both hand on as it is */
#define TTL           17
#define IP            14 /* where the outer header begins */
#define GUE_PORT      6080

static const struct packet packets[] = {
	{.flags = SYN, .tcp_options = 20},
	{.flags = ACK | PSH, .payload = 1001},
	{.proto = IPPROTO_UDP, .payload = 33},
};
#define PACKETS_N (sizeof(packets) / sizeof(packets[0]))

static struct frame theirs[TUNNELS_MOST][PACKETS_N];

static struct frame *client_frame(struct frame *frame, const struct tunnel *tunnel, unsigned n, uint8_t ttl)
{
	struct packet packet = packets[n];
	uint8_t *ip = frame->data + IP;

	packet.family = tunnel->inner;
	packet.from = CLIENT;
	packet.to = VIP;
	packet.sport = 1000;
	packet.dport = SERVICE_PORT;
	packet.seq = 100;
	packet.ttl = ttl;
	packet_build(frame, &packet);
	if (tunnel->inner == 6) {
		put16(ip, 0x6000 | TRAFFIC_CLASS << 4);
		return frame;
	}
	ip[1] = TRAFFIC_CLASS;
	put16(ip + 10, 0);
	put16(ip + 10, sum_finish(sum_bytes(ip, 20, 0)));
	return frame;
}

/* A device sends what was forwarded already: one hop less than Muster gets. */
static int ask_kernel(void **state)
{
	struct frame in;

	if (tunnels_up())
		fail_msg("no network namespace with a link to send from");
	for (unsigned i = 0; tunnels[i].name; i++)
		for (unsigned n = 0; n < PACKETS_N; n++)
			if (tunnel_send(&tunnels[i], client_frame(&in, &tunnels[i], n, TTL - 1), &theirs[i][n]))
				fail_msg("%s: nothing left the kernel's device", tunnels[i].name);
	return bench_up(state);
}

static void ask_muster(struct frame *out, const struct tunnel *tunnel, unsigned n)
{
	uint32_t service = packets[n].proto == IPPROTO_UDP ? WEB_UDP : WEB;
	struct muster_server server = server_make(service, WEB_01, tunnel->outer, SERVICE_PORT);
	struct packet syn = {
		.family = tunnel->inner, .from = CLIENT, .to = VIP, .sport = 1000, .dport = SERVICE_PORT, .flags = SYN};
	struct outcome outcome;

	bench_reset(NULL);
	pool_make(tunnel->inner, tunnel->gue ? MUSTER_MODE_GUE : MUSTER_MODE_IPIP);
	server_put(1, &server);
	picks_put(service, (int[]){1, -1});
	if (service == WEB)
		expect("a SYN", &syn, MUSTER_VERDICT_TO_SERVER, NULL);
	outcome = run_on(front, client_frame(out, tunnel, n, TTL));
	check_verdict(&outcome, MUSTER_VERDICT_TO_SERVER, tunnel->name);
	*out = outcome.frame;
}

/* IPv4's identification serves fragments alone, of which there are none: RFC 6864 leaves it to the sender. */
static void mask_identification(struct frame *frame)
{
	uint8_t *ip = frame->data + IP;

	assert_int_equal(ip[0], 0x45);
	assert_int_equal(get16(ip + 6), 0x4000); /* never a fragment */
	assert_int_equal(sum_finish(sum_bytes(ip, 20, 0)), 0);
	put16(ip + 4, 0);
	put16(ip + 10, 0);
}

/* GUE's source port follows from the flow, by each sender's own hash. */
static void mask_source_port(struct frame *frame, int outer, unsigned first)
{
	uint8_t *udp = frame->data + IP + (outer == 6 ? 40 : 20);

	assert_in_range(get16(udp), first, 65535);
	assert_int_equal(get16(udp + 2), GUE_PORT);
	put16(udp, 0);
}

static void mask(struct frame *frame, const struct tunnel *tunnel, unsigned first_port)
{
	if (tunnel->outer == 4)
		mask_identification(frame);
	if (tunnel->gue)
		mask_source_port(frame, tunnel->outer, first_port);
}

static void compare(int outer, int inner)
{
	unsigned compared = 0;
	struct frame ours;
	char what[64];

	for (unsigned i = 0; tunnels[i].name; i++)
		for (unsigned n = 0; n < PACKETS_N; n++) {
			if (tunnels[i].outer != outer || tunnels[i].inner != inner)
				continue;
			snprintf(what, sizeof(what), "%s, packet %u", tunnels[i].name, n);
			ask_muster(&ours, &tunnels[i], n);
			mask(&ours, &tunnels[i], 49152);
			mask(&theirs[i][n], &tunnels[i], 1024);
			check_frame(&ours, &theirs[i][n], what);
			compared++;
		}
	assert_int_equal(compared, 2 * PACKETS_N); /* ipip and gue */
}

static void test_ipv4_in_ipv4(void **state)
{
	(void)state;
	compare(4, 4);
}

static void test_ipv6_in_ipv4(void **state)
{
	(void)state;
	compare(4, 6);
}

static void test_ipv4_in_ipv6(void **state)
{
	(void)state;
	compare(6, 4);
}

static void test_ipv6_in_ipv6(void **state)
{
	(void)state;
	compare(6, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4_in_ipv4),
		cmocka_unit_test(test_ipv6_in_ipv4),
		cmocka_unit_test(test_ipv4_in_ipv6),
		cmocka_unit_test(test_ipv6_in_ipv6),
	};

	return cmocka_run_group_tests(tests, ask_kernel, bench_down);
}
