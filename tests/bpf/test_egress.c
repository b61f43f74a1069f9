/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The next hop: the server's record, the kernel's FIB, the way that the client's packet came. Real routes, no traffic. */
#include <arpa/inet.h>
#include <unistd.h>

#include "harness.h"

static const uint8_t client_neighbour[6] = {2, 0, 0, 0, 7, 7};
static const struct packet syn = {
	.from = CLIENT, .to = VIP, .sport = 1000, .dport = SERVICE_PORT, .flags = SYN, .seq = 100};
static const struct packet answer = {
	.from = WEB_01, .to = CLIENT, .sport = SERVER_PORT, .dport = 1000, .flags = SYN | ACK, .seq = 500, .ack = 101};

static int reset(void **state)
{
	command("for i in front back; do ip addr flush dev $i; ip route flush dev $i; ip neigh flush dev $i nud all;"
		" ip link set $i mtu 1500; done; sysctl -qw net.ipv4.conf.front.forwarding=1");
	command("ip addr add 192.0.2.1/24 dev front && ip addr add 198.51.100.1/24 dev back &&"
		"ip addr add 2001:db8:1::1/64 dev front nodad && ip addr add 2001:db8:2::1/64 dev back nodad");
	command("ip link set back address 02:00:00:00:00:02");
	return bench_reset(state);
}

/* A pool of one server whose hop the record does not know. */
static void pool_without_hop(int family, enum role role)
{
	struct muster_server server = server_make(WEB, role, family, SERVER_PORT);

	pool_make(family, MUSTER_MODE_NAT);
	memset(&server.hop, 0, sizeof(server.hop));
	server_put(1, &server);
	picks_put(WEB, (int[]){1, -1});
}

static void check_macs(const struct outcome *outcome, const uint8_t *to, const uint8_t *from)
{
	assert_memory_equal(outcome->frame.data, to, 6);
	assert_memory_equal(outcome->frame.data + 6, from, 6);
}

static void test_fib_finds_the_server(void **state)
{
	static const uint8_t own[6] = {2, 0, 0, 0, 0, 2};
	struct outcome outcome;
	struct packet in = syn;

	(void)state;
	command("ip neigh replace 198.51.100.11 lladdr 02:00:00:00:01:11 dev back nud permanent &&"
		"ip neigh replace 2001:db8:2::11 lladdr 02:00:00:00:01:11 dev back nud permanent");
	pool_without_hop(4, WEB_01);
	outcome = expect("a SYN", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	check_macs(&outcome, role_mac(WEB_01), own);
	pool_without_hop(6, WEB_01);
	in.family = 6;
	outcome = expect("a SYN", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	check_macs(&outcome, role_mac(WEB_01), own);
}

static void check_unknown(const char *hop, int family)
{
	struct muster_addr wanted = {};
	struct muster_event event;
	struct packet in = syn;

	in.family = family;
	expect("a SYN", &in, MUSTER_VERDICT_NO_NEIGHBOUR, NULL);
	assert_true(event_get(&event));
	assert_int_equal(event.kind, MUSTER_EVENT_NO_NEIGHBOUR);
	assert_int_equal(event.server, 1);
	if (family == 6) {
		inet_pton(AF_INET6, hop, &wanted);
	} else {
		wanted.word[2] = htonl(0xffff);
		inet_pton(AF_INET, hop, &wanted.word[3]);
	}
	assert_memory_equal(&event.tuple.dst, &wanted, sizeof(wanted));
}

static void test_unknown_neighbour_is_dropped_and_told(void **state)
{
	(void)state;
	pool_without_hop(4, WEB_01);
	check_unknown("198.51.100.11", 4);
	/* The retransmission goes through once the neighbour is known, to the same server, without a turn. */
	command("ip neigh replace 198.51.100.11 lladdr 02:00:00:00:01:11 dev back nud permanent");
	expect("the SYN again", &syn, MUSTER_VERDICT_TO_SERVER, NULL);
	assert_int_equal(picks_turn(WEB), 1);
	pool_without_hop(6, WEB_01);
	check_unknown("2001:db8:2::11", 6);
}

static void test_unknown_gateway_is_told(void **state)
{
	(void)state;
	command("ip route add 203.0.113.0/24 via 198.51.100.77 dev back &&"
		"ip route add 2001:db8:9::/64 via 2001:db8:2::77 dev back");
	pool_without_hop(4, STRANGER);
	check_unknown("198.51.100.77", 4);
	pool_without_hop(6, STRANGER);
	check_unknown("2001:db8:2::77", 6);
}

static void test_no_route(void **state)
{
	(void)state;
	pool_without_hop(4, STRANGER);
	expect("a SYN", &syn, MUSTER_VERDICT_NO_ROUTE, NULL);
}

static void test_without_forwarding_the_agent_is_asked(void **state)
{
	(void)state;
	command("sysctl -qw net.ipv4.conf.front.forwarding=0");
	pool_without_hop(4, WEB_01);
	check_unknown("198.51.100.11", 4);
}

static void test_too_big(void **state)
{
	struct packet in = syn;

	(void)state;
	command("ip neigh replace 198.51.100.11 lladdr 02:00:00:00:01:11 dev back nud permanent &&"
		"ip link set back mtu 1000");
	pool_without_hop(4, WEB_01);
	expect("a SYN", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	in.flags = ACK;
	in.payload = 960;
	expect("a segment of the MTU", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	in.payload = 961;
	expect("a segment beyond the MTU", &in, MUSTER_VERDICT_TOO_BIG, NULL);
}

static void test_stale_hop(void **state)
{
	static const uint8_t elsewhere[6] = {2, 0, 0, 0, 3, 3};
	static const uint8_t own[6] = {2, 0, 0, 0, 0, 2};
	struct muster_config config;
	struct outcome outcome;

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	outcome = expect("a SYN, fresh hop", &syn, MUSTER_VERDICT_TO_SERVER, NULL);
	check_macs(&outcome, role_mac(WEB_01), role_mac(SOURCE));
	config_get(&config);
	config.hop_stale = 0;
	config_put(&config);
	outcome = expect("a SYN, stale hop, no neighbour in the FIB", &syn, MUSTER_VERDICT_TO_SERVER, NULL);
	check_macs(&outcome, role_mac(WEB_01), role_mac(SOURCE));
	command("ip neigh replace 198.51.100.11 lladdr 02:00:00:00:03:03 dev back nud permanent");
	outcome = expect("a SYN, stale hop, the FIB knows", &syn, MUSTER_VERDICT_TO_SERVER, NULL);
	check_macs(&outcome, elsewhere, own);
}

static void test_answer_goes_the_way_it_came(void **state)
{
	struct packet in = syn;
	struct outcome outcome;

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	in.mac_from = role_mac(GATEWAY);
	expect("a SYN through a gateway", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	outcome = expect("the answer", &answer, MUSTER_VERDICT_TO_CLIENT, NULL);
	check_macs(&outcome, role_mac(GATEWAY), role_mac(VIP));
	in.mac_from = role_mac(CLIENT_B);
	expect("a SYN by another gateway", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	outcome = expect("the answer after that", &answer, MUSTER_VERDICT_TO_CLIENT, NULL);
	check_macs(&outcome, role_mac(CLIENT_B), role_mac(VIP));
}

static void test_answer_goes_where_the_fib_says(void **state)
{
	struct muster_config config;
	struct packet in = syn;
	struct outcome outcome;

	(void)state;
	command("ip link set front address 02:00:00:00:00:01 && sysctl -qw net.ipv4.conf.back.forwarding=1 &&"
		"ip neigh replace 192.0.2.10 lladdr 02:00:00:00:07:07 dev front nud permanent");
	pool_make(4, MUSTER_MODE_NAT);
	expect("a SYN", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	outcome = expect("the answer", &answer, MUSTER_VERDICT_TO_CLIENT, NULL);
	check_macs(&outcome, client_neighbour, role_mac(VIP));
	in.mac_from = role_mac(CLIENT_B);
	expect("a SYN from elsewhere", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	outcome = expect("the answer after that", &answer, MUSTER_VERDICT_TO_CLIENT, NULL);
	check_macs(&outcome, client_neighbour, role_mac(VIP));

	/* Asked again when the answer is old: it is gone, and the client's latest packet shows the way. */
	command("ip neigh del 192.0.2.10 dev front");
	config_get(&config);
	config.hop_stale = 0;
	config_put(&config);
	usleep(20000);
	outcome = expect("the answer when the FIB has forgotten", &answer, MUSTER_VERDICT_TO_CLIENT, NULL);
	check_macs(&outcome, role_mac(CLIENT_B), role_mac(VIP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_fib_finds_the_server, reset),
		cmocka_unit_test_setup(test_unknown_neighbour_is_dropped_and_told, reset),
		cmocka_unit_test_setup(test_unknown_gateway_is_told, reset),
		cmocka_unit_test_setup(test_no_route, reset),
		cmocka_unit_test_setup(test_without_forwarding_the_agent_is_asked, reset),
		cmocka_unit_test_setup(test_too_big, reset),
		cmocka_unit_test_setup(test_stale_hop, reset),
		cmocka_unit_test_setup(test_answer_goes_the_way_it_came, reset),
		cmocka_unit_test_setup(test_answer_goes_where_the_fib_says, reset),
	};

	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
