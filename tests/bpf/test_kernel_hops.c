// SPDX-License-Identifier: GPL-2.0-or-later
/* The next hop in a server's record, over a real veth to a neighbour in a namespace of its own. */
#include "test_kernel_world.h"

static bool has_hop(uint32_t index)
{
	return read_server(index).hop.ifindex != 0;
}

/* The link address of the peer's end, or of ours, as `ip` says it. */
static const char *mac_of(struct world *w, bool of_peer)
{
	char command[256];

	snprintf(command, sizeof(command), "nsenter -t %d -n ip -j link show %s | jq -r '.[0].address'",
		 of_peer ? w->peer : getpid(), of_peer ? "mt1" : "mt0");
	return output(command);
}

static void assert_hop(struct world *w, uint32_t index)
{
	struct muster_hop hop = read_server(index).hop;
	char text[32];

	assert_int_equal(hop.ifindex, if_nametoindex("mt0"));
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", hop.dst_mac[0], hop.dst_mac[1], hop.dst_mac[2],
		 hop.dst_mac[3], hop.dst_mac[4], hop.dst_mac[5]);
	assert_string_equal(text, mac_of(w, true));
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", hop.src_mac[0], hop.src_mac[1], hop.src_mac[2],
		 hop.src_mac[3], hop.src_mac[4], hop.src_mac[5]);
	assert_string_equal(text, mac_of(w, false));
}

static void hop_is_resolved_and_survives_a_sync(void **state)
{
	struct world *w = *state;

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	if (!loop_until(w, 3000, has_hop(0) && w->hop[0] == HOP_GOOD))
		fail_msg("web-01's hop was not resolved within 3 s");
	assert_hop(w, 0);
	w->server[0].record.weight_effective = 50;
	assert_sync(w, 0, 0, 1);
	assert_hop(w, 0);
}

static void hop_is_resolved_over_ipv6_and_through_a_router(void **state)
{
	struct world *w = *state;

	must_open(w);
	plan_of_two(w);
	run("ip route add 10.98.0.0/24 via 10.99.0.2");
	set_server(w, 0, "web-01", "fd99::2");
	set_server(w, 1, "web-02", "10.98.0.7");
	sync_now(w);
	if (!loop_until(w, 4000, has_hop(0) && has_hop(1)))
		fail_msg("the hops by IPv6 (%d) and through a router (%d) were not resolved within 4 s", has_hop(0),
			 has_hop(1));
	assert_hop(w, 0);
	assert_hop(w, 1);
}

/* The record has what the interface takes, or the route's own MTU where that is less; and follows both. */
static void mtu_is_what_fits_the_way(void **state)
{
	struct world *w = *state;

	run("ip link set mt0 mtu 1400");
	must_open(w);
	plan_of_two(w);
	run("ip route add 10.98.0.0/24 via 10.99.0.2 mtu 1300");
	set_server(w, 1, "web-02", "10.98.0.7");
	sync_now(w);
	assert_int_equal(read_server(0).mtu, 1400);
	assert_int_equal(read_server(1).mtu, 1300);
	assert_sync(w, 0, 0, 0);
	run("ip link set mt0 mtu 1280");
	assert_true(loop_until(w, 3000, read_server(0).mtu == 1280 && read_server(1).mtu == 1280));
	run("ip link set mt0 mtu 1500 && ip route change 10.98.0.0/24 via 10.99.0.2 mtu 1350");
	assert_true(loop_until(w, 3000, read_server(0).mtu == 1500 && read_server(1).mtu == 1350));
}

static void source_is_the_routes_own(void **state)
{
	struct world *w = *state;
	struct muster_addr expected = addr("10.99.0.1"), given = addr("10.99.0.50");

	must_open(w);
	plan_of_two(w);
	w->server[1].record.sources = 1;
	w->server[1].record.source[0] = given;
	sync_now(w);
	assert_int_equal(read_server(0).sources, 1);
	assert_memory_equal(&read_server(0).source[0], &expected, sizeof(expected));
	assert_memory_equal(&read_server(1).source[0], &given, sizeof(given));
}

static void server_without_a_route_is_not_served(void **state)
{
	struct world *w = *state;

	must_open(w);
	plan_of_two(w);
	set_server(w, 1, "web-02", "10.77.0.9");
	sync_now(w);
	assert_true(loop_until(w, 1000, w->hop[1] == HOP_FAILED));
	assert_non_null(strstr(w->hop_text, "no route to 10.77.0.9"));
	/* its slot was left out; once there is a route it is served with the next sync */
	assert_sync(w, 0, 0, 0);
	run("ip route add 10.77.0.0/24 via 10.99.0.2");
	assert_true(loop_until(w, 3000, w->hop[1] == HOP_GOOD));
	assert_hop(w, 1);
	assert_int_equal(read_server(1).sources, 1);
	assert_sync(w, 0, 0, 1);
}

static uint32_t slots_in_place(void)
{
	uint32_t zero = 0, len = MUSTER_PICKS_LEN, id = 0;
	uint64_t slots = 0;
	int picks = pinned("muster_picks");

	assert_int_equal(bpf_map_lookup_elem(picks, &zero, &id), 0);
	close(picks);
	int table = bpf_map_get_fd_by_id(id);
	assert_int_equal(bpf_map_lookup_elem(table, &len, &slots), 0);
	close(table);
	return (uint32_t)slots;
}

static void assert_served(const char *source, const char *when)
{
	struct muster_addr expected = addr(source);

	for (uint32_t i = 0; i < 2; i++) {
		struct muster_server record = read_server(i);

		if (record.sources != 1 || !address_equal(&record.source[0], &expected))
			fail_msg("%s: server %u has %u sources, or another than %s", when, i, record.sources, source);
	}
	if (slots_in_place() != 2)
		fail_msg("%s: %u slots are in place, 2 expected", when, slots_in_place());
}

/* As when a DHCP lease is renewed: the host's address goes, and with it the route, and comes back. */
static void source_is_kept_while_the_route_is_gone(void **state)
{
	struct world *w = *state;

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	assert_true(loop_until(w, 3000, w->hop[0] == HOP_GOOD && w->hop[1] == HOP_GOOD));
	run("ip addr del 10.99.0.1/24 dev mt0");
	assert_true(loop_until(w, 3000, w->hop[0] == HOP_FAILED && w->hop[1] == HOP_FAILED));
	sync_now(w);
	assert_served("10.99.0.1", "after a sync without a route");
	kernel_close(&w->kernel);
	must_open(w);
	sync_now(w);
	assert_served("10.99.0.1", "after a restart without a route");
	run("ip addr add 10.99.0.8/24 dev mt0");
	assert_true(loop_until(w, 3000, w->hop[0] == HOP_GOOD && w->hop[1] == HOP_GOOD));
	assert_served("10.99.0.8", "with a new address");
	/* another server gets nothing of this one's */
	run("ip addr del 10.99.0.8/24 dev mt0");
	set_server(w, 1, "web-03", "10.99.0.4");
	w->server[1].record.generation = 5;
	sync_now(w);
	assert_int_equal(read_server(1).sources, 0);
	assert_int_equal(slots_in_place(), 1);
}

/* IPv6 while duplicate detection runs: the kernel offers a link-local source. */
static void source_is_kept_while_the_address_is_tentative(void **state)
{
	struct world *w = *state;

	must_open(w);
	plan_of_two(w);
	set_server(w, 0, "web-01", "fd99::2");
	set_server(w, 1, "web-02", "fd99::2");
	sync_now(w);
	assert_true(loop_until(w, 3000, w->hop[0] == HOP_GOOD));
	assert_served("fd99::1", "at first");
	run("ip addr del fd99::1/64 dev mt0; ip route add fd99::/64 dev mt0");
	assert_true(loop_until(w, 600, false) == false);
	sync_now(w);
	assert_served("fd99::1", "with a link-local address alone");
}

static void server_behind_a_tunnel_fails_in_words(void **state)
{
	struct world *w = *state;

	if (system("ip link add mt7 type ipip local 10.99.0.1 remote 10.99.0.2 2>/dev/null || ip tuntap add dev mt7 "
		   "mode tun "
		   "2>/dev/null") != 0)
		skip(); /* this kernel has neither kind of interface */
	run("ip addr add 10.66.0.1/24 dev mt7; ip link set mt7 up");
	must_open(w);
	plan_of_two(w);
	set_server(w, 1, "web-02", "10.66.0.2");
	sync_now(w);
	if (!loop_until(w, 3000, w->hop[1] == HOP_FAILED))
		fail_msg("a server behind a tunnel is in state %d, HOP_FAILED expected", w->hop[1]);
	if (!strstr(w->hop_text, "through mt7, which carries no Ethernet frames"))
		fail_msg("\"%s\" does not say that mt7 carries no Ethernet frames", w->hop_text);
	assert_false(has_hop(1));
}

static void address_of_the_host_is_refused(void **state)
{
	struct world *w = *state;

	must_open(w);
	plan_of_two(w);
	set_server(w, 1, "web-02", "10.99.0.1");
	sync_now(w);
	assert_true(loop_until(w, 1000, w->hop[1] == HOP_LOCAL));
	assert_non_null(strstr(w->hop_text, "a balancer cannot be its own server"));
	assert_int_equal(kernel_hop(w->kernel, 1, NULL), HOP_LOCAL);
	assert_false(has_hop(1));
}

static void silent_neighbour_fails_and_comes_back(void **state)
{
	struct world *w = *state;

	must_open(w);
	plan_of_two(w);
	set_server(w, 1, "web-02", "10.99.0.9");
	sync_now(w);
	if (!loop_until(w, 6000, w->hop[1] == HOP_FAILED))
		fail_msg("a neighbour that does not answer was not told within 6 s");
	assert_non_null(strstr(w->hop_text, "10.99.0.9 does not answer"));
	assert_false(has_hop(1));
	run("nsenter -t %d -n ip addr add 10.99.0.9/24 dev mt1", w->peer);
	if (!loop_until(w, 6000, w->hop[1] == HOP_GOOD))
		fail_msg("a neighbour that answers again was not told within 6 s");
	assert_hop(w, 1);
}

static void changed_link_addresses_are_followed(void **state)
{
	struct world *w = *state;

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	assert_true(loop_until(w, 3000, has_hop(0)));
	run("nsenter -t %d -n ip link set mt1 address 02:00:00:00:00:77", w->peer);
	run("ip neigh replace 10.99.0.2 lladdr 02:00:00:00:00:77 nud reachable dev mt0");
	assert_true(loop_until(w, 2000, read_server(0).hop.dst_mac[5] == 0x77));
	run("ip link set mt0 address 02:00:00:00:00:66");
	if (!loop_until(w, 2000, read_server(0).hop.src_mac[5] == 0x66))
		fail_msg("the egress interface's new link address did not reach the record within 2 s");
}

static void good_hop_is_stamped_and_kept_warm(void **state)
{
	struct world *w = *state;
	uint32_t stamp;

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	assert_true(loop_until(w, 3000, has_hop(0)));
	stamp = read_server(0).hop.refreshed;
	run("ip neigh change 10.99.0.2 lladdr %s nud stale dev mt0", mac_of(w, true));
	if (!loop_until(w, 30000, strstr(output("ip neigh show to 10.99.0.2 dev mt0"), "STALE") == NULL))
		fail_msg("a stale neighbour was not asked again within 30 s");
	if (!loop_until(w, 30000, read_server(0).hop.refreshed != stamp))
		fail_msg("a good hop got no new stamp within 30 s");
}

/* What an operator has fixed: the kernel takes "permanent" from an entry that it is asked to resolve. */
static void given_neighbour_stays_as_it_was_given(void **state)
{
	static const char *const given[] = {"PERMANENT", "NOARP"};
	struct world *w = *state;

	must_open(w);
	plan_of_two(w);
	for (int i = 0; i < 2; i++) {
		run("ip neigh replace 10.99.0.2 lladdr 02:00:00:00:00:9%d nud %s dev mt0", i,
		    i ? "noarp" : "permanent");
		sync_now(w);
		if (!loop_until(w, 3000, w->hop[0] == HOP_GOOD && read_server(0).hop.dst_mac[5] == 0x90 + i))
			fail_msg("the link address of a neighbour that is %s did not reach the record", given[i]);
		/* The tick comes by each second; a sync that begins anew asks at once. */
		kernel_close(&w->kernel);
		must_open(w);
		sync_now(w);
		assert_false(loop_until(w, 1500, false));
		if (!strstr(output("ip neigh show nud all to 10.99.0.2 dev mt0"), given[i]))
			fail_msg("a neighbour that was %s is now: %s", given[i],
				 output("ip neigh show nud all to 10.99.0.2 dev mt0"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_world(hop_is_resolved_and_survives_a_sync),
		test_in_world(hop_is_resolved_over_ipv6_and_through_a_router),
		test_in_world(mtu_is_what_fits_the_way),
		test_in_world(source_is_the_routes_own),
		test_in_world(server_without_a_route_is_not_served),
		test_in_world(source_is_kept_while_the_route_is_gone),
		test_in_world(source_is_kept_while_the_address_is_tentative),
		test_in_world(server_behind_a_tunnel_fails_in_words),
		test_in_world(address_of_the_host_is_refused),
		test_in_world(silent_neighbour_fails_and_comes_back),
		test_in_world(changed_link_addresses_are_followed),
		test_in_world(good_hop_is_stamped_and_kept_warm),
		test_in_world(given_neighbour_stays_as_it_was_given),
	};

	return cmocka_run_group_tests_name("kernel_hops", tests, NULL, NULL);
}
