// SPDX-License-Identifier: GPL-2.0-or-later
/* Service addresses that the agent puts on an interface, and takes back. */
#include "test_kernel_world.h"

static bool on_interface(const char *address, const char *ifname)
{
	char command[160];

	snprintf(command, sizeof(command), "ip -o addr show dev %s | grep -F ' %s'", ifname, address);
	return output(command)[0] != '\0';
}

static void attach(struct world *w, const char *ifname)
{
	struct attach_report report;
	int r = kernel_attach(w->kernel, ifname, ATTACH_NATIVE, &report);

	if (r < 0)
		fail_msg("attaching to %s: %s", ifname, report.text);
}

static void claimed_with_the_service_and_taken_back_with_it(void **state)
{
	struct world *w = *state;

	must_open(w);
	plan_of_two(w)->services[0].claim = true;
	sync_now(w);
	assert_false(on_interface("10.99.0.100/32", "mt0")); /* nobody there to answer yet */
	attach(w, "mt0");
	assert_true(on_interface("10.99.0.100/32", "mt0"));
	assert_sync(w, 0, 0, 0);
	w->service.claim = false;
	sync_now(w);
	assert_false(on_interface("10.99.0.100/32", "mt0"));
	assert_true(on_interface("10.99.0.1/24", "mt0"));
}

static void goes_where_the_connected_route_is(void **state)
{
	struct world *w = *state;

	run("ip link add mt5 type veth peer name mt6; ip link set mt5 up; ip link set mt6 up; ip addr add 10.55.0.1/24 "
	    "dev mt5");
	must_open(w);
	attach(w, "mt0");
	attach(w, "mt5");
	plan_of_two(w)->services[0].claim = true;
	w->service.record.addr = addr("10.55.0.100");
	sync_now(w);
	assert_true(on_interface("10.55.0.100/32", "mt5"));
	w->service.record.addr = addr("192.0.2.7"); /* connected to nothing: the first interface */
	sync_now(w);
	assert_false(on_interface("10.55.0.100/32", "mt5"));
	assert_true(on_interface("192.0.2.7/32", if_nametoindex("mt0") < if_nametoindex("mt5") ? "mt0" : "mt5"));
}

static void neighbours_hear_of_it(void **state)
{
	struct world *w = *state;
	char command[256];

	run("nsenter -t %d -n sh -c 'ip neigh add 10.99.0.100 lladdr 02:00:00:00:00:99 nud stale dev mt1; ip neigh add "
	    "fd99::100 lladdr 02:00:00:00:00:99 nud stale dev mt1'",
	    w->peer);
	must_open(w);
	attach(w, "mt0");
	plan_of_two(w)->services[0].claim = true;
	sync_now(w);
	snprintf(command, sizeof(command), "nsenter -t %d -n ip neigh show dev mt1 | grep -E '^10.99.0.100 .*00:99'",
		 w->peer);
	if (output(command)[0])
		fail_msg("the neighbour still believes the old address after a gratuitous ARP: %s", output(command));
	w->service.record.addr = addr("fd99::100");
	sync_now(w);
	assert_true(on_interface("fd99::100/128", "mt0"));
	snprintf(command, sizeof(command), "nsenter -t %d -n ip neigh show dev mt1 | grep -E '^fd99::100 .*00:99'",
		 w->peer);
	/* an interface that has just come up misses the first */
	if (!loop_until(w, 4000, output(command)[0] == '\0'))
		fail_msg("the neighbour still believes the old address after three unsolicited NAs: %s",
			 output(command));
}

static void taken_back_by_the_next_agent(void **state)
{
	struct world *w = *state;

	must_open(w);
	attach(w, "mt0");
	plan_of_two(w)->services[0].claim = true;
	sync_now(w);
	kernel_close(&w->kernel);
	assert_true(on_interface("10.99.0.100/32", "mt0")); /* traffic goes on without an agent */
	must_open(w);
	sync_now(w);
	assert_true(on_interface("10.99.0.100/32", "mt0"));
	w->plan.n_services = 0;
	w->plan.n_servers = 0;
	sync_now(w);
	assert_false(on_interface("10.99.0.100/32", "mt0"));
}

static void taken_back_at_detach(void **state)
{
	struct world *w = *state;
	struct attach_report report;

	must_open(w);
	attach(w, "mt0");
	plan_of_two(w)->services[0].claim = true;
	sync_now(w);
	assert_int_equal(kernel_detach(w->kernel, "mt0", &report), 0);
	assert_false(on_interface("10.99.0.100/32", "mt0"));
	sync_now(w);
	assert_false(on_interface("10.99.0.100/32", "mt0"));
	attach(w, "mt0");
	assert_true(on_interface("10.99.0.100/32", "mt0"));
	/* and with no agent running */
	kernel_close(&w->kernel);
	assert_int_equal(detach_device(PINS, "mt0", &report), 0);
	assert_false(on_interface("10.99.0.100/32", "mt0"));
}

static void assert_source(const char *to, const char *expected, const char *when)
{
	char command[160];

	snprintf(command, sizeof(command), "ip route get %s | grep -o 'src [^ ]*' | cut -d' ' -f2", to);
	if (strcmp(output(command), expected) != 0)
		fail_msg("%s the host reaches %s from %s, %s expected", when, to, output(command), expected);
}

/* What the host sends by itself, checks of the servers among it, must not come from a service address. */
static void hosts_own_source_stays(void **state)
{
	struct world *w = *state;
	struct muster_addr own = addr("fd99::1");

	run("ip route add 198.51.100.0/24 dev mt0");
	must_open(w);
	attach(w, "mt0");
	plan_of_two(w)->services[0].claim = true;
	set_server(w, 0, "web-01", "fd99::2");
	w->service.record.addr = addr("fd99::100");
	sync_now(w);
	assert_true(on_interface("fd99::100/128", "mt0"));
	assert_source("fd99::2", "fd99::1", "with fd99::100 claimed");
	kernel_close(&w->kernel);
	must_open(w);
	sync_now(w);
	assert_memory_equal(&read_server(0).source[0], &own, sizeof(own));
	w->service.record.addr = addr("10.99.0.100");
	sync_now(w);
	assert_true(on_interface("10.99.0.100/32", "mt0"));
	/* the interface's own address comes back behind the claimed one */
	run("ip addr del 10.99.0.1/24 dev mt0; ip addr add 10.99.0.1/24 dev mt0; ip route replace 198.51.100.0/24 dev "
	    "mt0");
	assert_source("10.99.0.2", "10.99.0.1", "with 10.99.0.100 claimed");
	assert_source("198.51.100.1", "10.99.0.1", "with 10.99.0.100 claimed");
}

/* A port that has no service is the host's own: it refuses in the claimed address's name. */
static void assert_reached(struct world *w, const char *address)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "nsenter -t %d -n timeout 30 bash -c 'echo >/dev/tcp/%s/81' 2>&1 | grep -o refused", w->peer, address);
	if (strcmp(output(command), "refused") != 0)
		fail_msg("a neighbour does not reach the host at %s", address);
}

static void neighbours_reach_it(void **state)
{
	struct world *w = *state;

	must_open(w);
	attach(w, "mt0");
	plan_of_two(w)->services[0].claim = true;
	sync_now(w);
	assert_reached(w, "10.99.0.100");
	w->service.record.addr = addr("fd99::100");
	sync_now(w);
	assert_reached(w, "fd99::100");
}

static void failed_first_sync_takes_nothing_back(void **state)
{
	struct world *w = *state;
	struct attach_report report;
	struct sync_report synced;

	must_open(w);
	attach(w, "mt0");
	plan_of_two(w)->services[0].claim = true;
	sync_now(w);
	kernel_close(&w->kernel);
	must_open(w);
	w->slots[1] = MUSTER_MAX_SERVERS; /* one step before the last fails */
	assert_int_equal(kernel_sync(w->kernel, &w->plan, &synced), -ERANGE);
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_AUTO, &report), 0);
	loop_until(w, 1500, false);
	if (!on_interface("10.99.0.100/32", "mt0"))
		fail_msg("a service address of the last agent's was taken off before a sync succeeded");
	w->slots[1] = 1;
	w->service.claim = false;
	sync_now(w);
	assert_false(on_interface("10.99.0.100/32", "mt0"));
}

static void operators_address_is_left_alone(void **state)
{
	struct world *w = *state;
	struct attach_report report;

	run("ip addr add 10.99.0.100/32 dev mt0");
	must_open(w);
	attach(w, "mt0");
	plan_of_two(w)->services[0].claim = true;
	sync_now(w);
	w->service.claim = false;
	sync_now(w);
	assert_int_equal(kernel_detach(w->kernel, "mt0", &report), 0);
	assert_true(on_interface("10.99.0.100/32", "mt0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_world(claimed_with_the_service_and_taken_back_with_it),
		test_in_world(goes_where_the_connected_route_is),
		test_in_world(neighbours_hear_of_it),
		test_in_world(taken_back_by_the_next_agent),
		test_in_world(taken_back_at_detach),
		test_in_world(hosts_own_source_stays),
		test_in_world(neighbours_reach_it),
		test_in_world(failed_first_sync_takes_nothing_back),
		test_in_world(operators_address_is_left_alone),
	};

	return cmocka_run_group_tests_name("kernel_claim", tests, NULL, NULL);
}
