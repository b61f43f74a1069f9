// SPDX-License-Identifier: GPL-2.0-or-later
/* One state: the maps that the agent writes are those that every program reads, whatever happens to their pins. */
#include "test_kernel_world.h"

static void unpinned_maps_are_pinned_by_the_agent(void **state)
{
	struct world *w = *state;
	struct attach_report report;

	run("ip link set dev mt0 xdp obj %s sec xdp && rm " PINS "/muster_*", w->object);
	must_open(w);
	assert_int_equal(kernel_interfaces(w->kernel, &report, 1), 1);
	close(pinned("muster_servers"));
}

static void other_maps_on_an_interface_are_refused(void **state)
{
	struct world *w = *state;
	char why[512] = "";

	run("ip link set dev mt0 xdp obj %s sec xdp && rm " PINS "/muster_*", w->object);
	run("ip link add mt9 type veth peer name mt8 && ip link set dev mt9 xdp obj %s sec xdp", w->object);
	assert_int_equal(open_kernel(w, &w->kernel, why, sizeof(why)), -EEXIST);
	assert_said(why, "`ip link set dev mt0 xdp off`");
}

static uint32_t pinned_id(const char *name)
{
	struct bpf_map_info info = {0};
	__u32 length = sizeof(info);
	int fd = pinned(name);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &length), 0);
	close(fd);
	return info.id;
}

static bool program_uses(const char *ifname, uint32_t map)
{
	uint32_t ids[64];
	struct bpf_prog_info info = {.map_ids = (uintptr_t)ids, .nr_map_ids = ARRAY_SIZE(ids)};
	__u32 length = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(program_on(ifname));

	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &length), 0);
	close(fd);
	for (uint32_t i = 0; i < info.nr_map_ids; i++)
		if (ids[i] == map)
			return true;
	return false;
}

static void removed_pin_is_found_again_in_the_program(void **state)
{
	struct world *w = *state;
	struct attach_report report;
	uint32_t picks, program;

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_AUTO, &report), 0);
	picks = pinned_id("muster_picks");
	program = program_on("mt0");
	kernel_close(&w->kernel);
	run("rm " PINS "/muster_picks " PINS "/muster_config");
	must_open(w);
	if (pinned_id("muster_picks") != picks)
		fail_msg("the agent made another muster_picks than the one that the program on mt0 reads");
	assert_sync(w, 0, 0, 0);
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_AUTO, &report), 0);
	assert_int_equal(program_on("mt0"), program);
}

static void pins_removed_under_a_running_agent_split_nothing(void **state)
{
	struct world *w = *state;
	struct attach_report report;
	uint32_t servers, flows;

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	servers = pinned_id("muster_servers");
	flows = pinned_id("muster_flows");
	run("rm " PINS "/muster_*");
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_AUTO, &report), 0);
	if (!program_uses("mt0", servers) || !program_uses("mt0", flows))
		fail_msg("the program that was attached reads other maps than the agent writes");
	assert_int_equal(kernel_interfaces(w->kernel, &report, 1), 1);
	assert_int_equal(pinned_id("muster_servers"), servers);
	assert_int_equal(pinned_id("muster_flows"), flows);
}

/* The same code, the agent's servers, but picks that nobody writes. */
static void program_over_another_map_is_replaced(void **state)
{
	struct world *w = *state;
	struct attach_report report;
	uint32_t picks, program;

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	picks = pinned_id("muster_picks");
	run("rm " PINS "/muster_picks; ip link set dev mt0 xdp obj %s sec xdp", w->object);
	program = program_on("mt0");
	assert_false(program_uses("mt0", picks));
	assert_int_equal(attach_query(PINS, "mt0", &report), 0);
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_AUTO, &report), 0);
	assert_said(report.text, "did not use our muster_picks");
	assert_int_not_equal(program_on("mt0"), program);
	if (!program_uses("mt0", picks))
		fail_msg("after attach the program on mt0 still reads other picks than the agent writes");
	assert_int_equal(w->links_told, 0);
}

/* A newer program counts verdicts that this agent does not know. */
static void larger_map_of_verdicts_is_taken(void **state)
{
	struct world *w = *state;
	struct kernel_counters *counters = calloc(1, sizeof(*counters));
	struct attach_report report;
	int fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "muster_verdicts", 4, 8, MUSTER_VERDICTS_N + 41, NULL);

	run("mkdir -p " PINS);
	assert_int_equal(bpf_obj_pin(fd, PINS "/muster_verdicts"), 0);
	close(fd);
	must_open(w);
	assert_int_equal(kernel_counters(w->kernel, counters), 0);
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_AUTO, &report), 0);
	assert_true(program_uses("mt0", pinned_id("muster_verdicts")));
	free(counters);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_world(unpinned_maps_are_pinned_by_the_agent),
		test_in_world(other_maps_on_an_interface_are_refused),
		test_in_world(removed_pin_is_found_again_in_the_program),
		test_in_world(pins_removed_under_a_running_agent_split_nothing),
		test_in_world(program_over_another_map_is_replaced),
		test_in_world(larger_map_of_verdicts_is_taken),
	};

	return cmocka_run_group_tests_name("kernel_pins", tests, NULL, NULL);
}
