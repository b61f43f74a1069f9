// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs on interfaces: put there by us or by others, found again, refused, replaced, taken away. */
#include "test_kernel_world.h"

#include <bpf/libbpf.h>
#include <cap-ng.h>
#include <linux/if_link.h>

static void load_foreign(const char *ifname)
{
	struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "somebody", "GPL", pass, 2, NULL);

	assert_true(fd >= 0);
	assert_int_equal(bpf_xdp_attach((int)if_nametoindex(ifname), fd, XDP_FLAGS_DRV_MODE, NULL), 0);
	close(fd);
}

static void modes_are_what_was_asked_for(void **state)
{
	struct world *w = *state;
	struct attach_report report;

	must_open(w);
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_NATIVE, &report), 0);
	assert_true(report.native);
	assert_int_equal(report.program_id, program_on("mt0"));
	assert_int_equal(kernel_interfaces(w->kernel, &report, 1), 1);
	assert_string_equal(report.ifname, "mt0");
	/* the same again is no error; another mode would be a moment without a program */
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_AUTO, &report), 0);
	assert_true(report.adopted);
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_GENERIC, &report), -EEXIST);
	assert_int_equal(kernel_detach(w->kernel, "mt0", &report), 0);
	assert_int_equal(program_on("mt0"), 0);
	assert_int_equal(kernel_detach(w->kernel, "mt0", &report), 0);
	assert_said(report.text, "carries no XDP program");
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_GENERIC, &report), 0);
	assert_false(report.native);
	assert_int_equal(kernel_attach(w->kernel, "nowhere0", ATTACH_AUTO, &report), -ENODEV);
}

/* The other end sends by four queues, and this one receives by one: veth wants no program then. */
static void make_narrow_veth(void)
{
	run("ip link add q0 numrxqueues 1 numtxqueues 1 type veth peer name q1 numrxqueues 4 numtxqueues 4; "
	    "ethtool -L q1 tx 4 2>/dev/null; ip link set q0 up; ip link set q1 up");
}

static void auto_falls_back_and_says_why(void **state)
{
	struct world *w = *state;
	struct attach_report report;

	must_open(w);
	make_narrow_veth();
	assert_int_equal(kernel_attach(w->kernel, "q0", ATTACH_NATIVE, &report), -ENOSPC);
	assert_said(report.text, "rx queues");
	assert_said(report.text, "ethtool -L q1 tx 1");
	assert_int_equal(program_on("q0"), 0);
	assert_int_equal(kernel_attach(w->kernel, "q0", ATTACH_AUTO, &report), 0);
	assert_false(report.native);
	assert_said(report.text, "generic mode, which costs several times the CPU time a packet");
	assert_said(report.text, "ethtool -L q1 tx 1; to have it then: muster detach q0, and muster attach q0");
	/* and status goes on saying so */
	assert_true(loop_until(
		w, 5000, kernel_interfaces(w->kernel, &report, 1) == 1 && strstr(report.text, "ethtool -L q1 tx 1")));
	/* what it says helps */
	run("ethtool -L q1 tx 1");
	assert_int_equal(kernel_detach(w->kernel, "q0", &report), 0);
	assert_int_equal(kernel_attach(w->kernel, "q0", ATTACH_AUTO, &report), 0);
	assert_true(report.native);
}

static void jumbo_frames_get_their_entry(void **state)
{
	struct world *w = *state;
	struct attach_report report;

	must_open(w);
	run("ip link set mt0 mtu 9000; nsenter -t %d -n ip link set mt1 mtu 9000", w->peer);
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_NATIVE, &report), 0);
	assert_true(report.native);
	assert_true(report.frags);
	assert_said(report.text, "by the entry for jumbo frames (MTU 9000)");
	assert_string_equal(
		output("bpftool -j net show dev mt0 | jq -r '.[0].xdp[0].id' | xargs -I{} bpftool -j prog show "
		       "id {} | jq -r .name"),
		"muster_frags");
	assert_int_equal(kernel_interfaces(w->kernel, &report, 1), 1);
	assert_true(report.frags);
	assert_said(report.text, "jumbo");
	assert_int_equal(kernel_detach(w->kernel, "mt0", &report), 0);
	/* The peer's MTU alone: the driver refuses the plain entry, and gets the other. */
	run("ip link set mt0 mtu 1500");
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_AUTO, &report), 0);
	assert_true(report.native);
	assert_true(report.frags);
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_AUTO, &report), 0);
	assert_true(report.adopted);
	assert_true(report.frags);
}

static void virtual_devices_are_told_apart(void **state)
{
	struct world *w = *state;
	struct attach_report report;

	must_open(w);
	run("ip link add br0 type bridge; ip link add v0 type veth peer name v1; ip link set v1 master br0; "
	    "ip link add link v0 name mv0 type macvlan; ip tuntap add dev tap0 mode tap; ip tuntap add dev tun0 mode "
	    "tun");
	assert_int_equal(kernel_attach(w->kernel, "br0", ATTACH_NATIVE, &report), -EOPNOTSUPP);
	assert_said(report.text, "a bridge has no native mode, its ports may: muster attach v1");
	assert_int_equal(kernel_attach(w->kernel, "br0", ATTACH_AUTO, &report), 0);
	assert_said(report.text, "generic mode");
	assert_int_equal(kernel_attach(w->kernel, "mv0", ATTACH_NATIVE, &report), -EOPNOTSUPP);
	assert_said(report.text, "its packets come in by v0: muster attach v0");
	assert_int_equal(kernel_attach(w->kernel, "mv0", ATTACH_GENERIC, &report), 0);
	assert_int_equal(kernel_attach(w->kernel, "v0", ATTACH_AUTO, &report), -EEXIST);
	assert_said(report.text, "upper device");
	assert_int_equal(kernel_attach(w->kernel, "tap0", ATTACH_NATIVE, &report), 0);
	assert_true(report.native);
	assert_int_equal(kernel_attach(w->kernel, "tun0", ATTACH_AUTO, &report), -EOPNOTSUPP);
	assert_said(report.text, "tun0 carries no Ethernet frames");
	assert_int_equal(program_on("tun0"), 0);
}

static void foreign_program_is_left_alone(void **state)
{
	struct world *w = *state;
	struct attach_report report;
	uint32_t id;

	must_open(w);
	load_foreign("mt0");
	id = program_on("mt0");
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_AUTO, &report), -EPERM);
	assert_said(report.text, "`ip link set dev mt0 xdp off` first");
	assert_int_equal(kernel_detach(w->kernel, "mt0", &report), -EPERM);
	assert_int_equal(detach_device(PINS, "mt0", &report), -EPERM);
	assert_int_equal(program_on("mt0"), id);
	assert_int_equal(kernel_interfaces(w->kernel, &report, 1), 0);
}

static void program_of_ip_link_is_adopted(void **state)
{
	struct world *w = *state;
	struct attach_report report;
	uint32_t id;

	run("ip link set dev mt0 xdp obj %s sec xdp", w->object);
	id = program_on("mt0");
	must_open(w);
	assert_int_equal(kernel_interfaces(w->kernel, &report, 1), 1);
	assert_int_equal(report.program_id, id);
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_AUTO, &report), 0);
	assert_true(report.adopted);
	assert_int_equal(program_on("mt0"), id);
	plan_of_two(w);
	sync_now(w);
	assert_string_equal(read_server(0).name, "web-01");
	assert_int_equal(kernel_detach(w->kernel, "mt0", &report), 0);
	assert_int_equal(program_on("mt0"), 0);
}

/* The folder that musterd makes must be one that iproute2 goes on with. */
static void ip_link_shares_the_maps_that_musterd_made(void **state)
{
	struct world *w = *state;
	struct attach_report report;

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	run("ip link set dev mt0 xdpgeneric obj %s sec xdp", w->object);
	assert_string_equal(read_server(0).name, "web-01");
	assert_true(loop_until(w, 20000, kernel_interfaces(w->kernel, &report, 1) == 1));
	assert_false(report.native);
}

static void second_agent_is_refused(void **state)
{
	struct world *w = *state;
	struct kernel *second = NULL;
	char why[512] = "", pid[32];

	must_open(w);
	assert_int_equal(open_kernel(w, &second, why, sizeof(why)), -EBUSY);
	snprintf(pid, sizeof(pid), "pid %d", getpid());
	assert_said(why, pid);
	kernel_close(&w->kernel);
	assert_int_equal(open_kernel(w, &second, why, sizeof(why)), 0);
	kernel_close(&second);
}

static void other_abi_is_refused_in_words(void **state)
{
	struct world *w = *state;
	static const uint32_t others[] = {MUSTER_ABI - 1, MUSTER_ABI + 1};
	struct attach_report report;
	uint32_t zero = 0;
	char why[512] = "";

	must_open(w);
	kernel_close(&w->kernel);
	for (unsigned i = 0; i < 2; i++) {
		struct muster_config config = {.abi = others[i]};
		char differs[64];

		write_map("muster_config", &zero, &config);
		assert_int_equal(open_kernel(w, &w->kernel, why, sizeof(why)), -EPROTO);
		snprintf(differs, sizeof(differs), "of ABI %u, this one has ABI %d", others[i], MUSTER_ABI);
		assert_said(why, differs);
	}
	assert_int_equal(attach_device(w->object, PINS, "mt0", ATTACH_AUTO, &report), -EPROTO);
	assert_int_equal(program_on("mt0"), 0);
	/* and a map of another shape */
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "muster_servers", 4, 8, 1, NULL);
	run("rm " PINS "/muster_servers");
	assert_int_equal(bpf_obj_pin(fd, PINS "/muster_servers"), 0);
	close(fd);
	assert_int_equal(open_kernel(w, &w->kernel, why, sizeof(why)), -EPROTO);
	assert_said(why, "value 8 bytes");
}

static void works_with_no_agent(void **state)
{
	struct world *w = *state;
	struct attach_report report;

	assert_int_equal(attach_query(PINS, "mt0", &report), 0);
	assert_int_equal(report.program_id, 0);
	assert_int_equal(attach_device(w->object, PINS, "mt0", ATTACH_AUTO, &report), 0);
	assert_true(report.native);
	assert_int_equal(attach_query(PINS, "mt0", &report), 0);
	assert_int_equal(report.program_id, program_on("mt0"));
	assert_int_equal(detach_device(PINS, "mt0", &report), 0);
	assert_int_equal(program_on("mt0"), 0);
}

static void older_program_gives_way_without_a_gap(void **state)
{
	struct world *w = *state;
	struct attach_report report;
	uint32_t id;

	must_open(w);
	/* A program of ours of other code: it uses the two maps that mark one. */
	struct bpf_insn code[] = {
		{.code = BPF_LD | BPF_DW | BPF_IMM,
		 .dst_reg = 1,
		 .src_reg = BPF_PSEUDO_MAP_FD,
		 .imm = pinned("muster_config")},
		{0},
		{.code = BPF_LD | BPF_DW | BPF_IMM,
		 .dst_reg = 1,
		 .src_reg = BPF_PSEUDO_MAP_FD,
		 .imm = pinned("muster_servers")},
		{0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "muster", "GPL", code, ARRAY_SIZE(code), NULL);
	assert_true(fd >= 0);
	assert_int_equal(bpf_xdp_attach((int)if_nametoindex("mt0"), fd, XDP_FLAGS_DRV_MODE, NULL), 0);
	close(fd);
	id = program_on("mt0");
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_AUTO, &report), 0);
	assert_said(report.text, "replaced by this version's program");
	assert_int_not_equal(program_on("mt0"), id);
	assert_int_equal(report.program_id, program_on("mt0"));
	assert_int_equal(w->links_told, 0);
}

/* The verifier's quarter of a second is for objects that are new: not for each interface, and not for each start. */
static void an_object_is_loaded_once(void **state)
{
	struct world *w = *state;
	struct attach_report report;
	uint32_t id;

	run("ip link add p0 type veth peer name p1 && ip link set p0 up && ip link set p1 up");
	must_open(w);
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_NATIVE, &report), 0);
	id = report.program_id;
	assert_int_equal(kernel_attach(w->kernel, "p0", ATTACH_NATIVE, &report), 0);
	assert_int_equal(report.program_id, id);
	kernel_close(&w->kernel);
	must_open(w);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kernel_attach(w->kernel, i ? "p0" : "mt0", ATTACH_NATIVE, &report), 0);
		assert_true(report.adopted);
		assert_int_equal(report.program_id, id);
	}
	/* Another file is another object, whatever is in it. */
	run("mount -t tmpfs none /run && cp %s /run/other.o && echo >>/run/other.o", w->object);
	assert_int_equal(kernel_detach(w->kernel, "p0", &report), 0);
	kernel_close(&w->kernel);
	snprintf(w->object, sizeof(w->object), "/run/other.o");
	must_open(w);
	assert_int_equal(kernel_attach(w->kernel, "p0", ATTACH_NATIVE, &report), 0);
	assert_int_not_equal(report.program_id, id);
}

static void lost_program_is_told(void **state)
{
	struct world *w = *state;
	struct attach_report report;

	must_open(w);
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_NATIVE, &report), 0);
	loop_until(w, 300, false);
	assert_int_equal(w->links_told, 0);
	run("ip link set dev mt0 xdp off");
	assert_true(loop_until(w, 20000, w->links_told == 1));
	assert_said(w->link_text, "mt0 lost its program");
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_NATIVE, &report), 0);
	run("ip link set mt0 down");
	assert_true(loop_until(w, 20000, w->links_told == 2));
	assert_said(w->link_text, "mt0 went down");
	run("ip link del mt0");
	assert_true(loop_until(w, 20000, w->links_told == 3));
	assert_said(w->link_text, "mt0 is gone");
}

/* What musterd does for the rest of its life, with the capabilities that it keeps. */
static int work_without_sys_admin(struct world *w)
{
	struct attach_report report;
	struct sync_report synced;
	_cleanup_(kernel_snapshot_free) struct kernel_snapshot *snapshot = NULL;

	capng_clear(CAPNG_SELECT_BOTH);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_BPF, CAP_NET_ADMIN, CAP_NET_RAW, CAP_PERFMON,
		      -1);
	if (capng_apply(CAPNG_SELECT_BOTH) != 0 || bpf_prog_get_fd_by_id(1) >= 0)
		return 10;
	if (kernel_sync(w->kernel, &w->plan, &synced) < 0 || synced.added || synced.changed)
		return 11;
	w->service.n_slots = 1;
	w->service.claim = true;
	if (kernel_sync(w->kernel, &w->plan, &synced) < 0 || synced.changed != 1)
		return 12;
	if (kernel_sync(w->kernel, &w->plan, &synced) < 0 || synced.changed != 0)
		return 13;
	if (kernel_snapshot(w->kernel, &snapshot) < 0 || snapshot->services[0].n_slots != 1)
		return 14;
	if (kernel_attach(w->kernel, "mt0", ATTACH_AUTO, &report) < 0 || !report.adopted)
		return 15;
	if (kernel_detach(w->kernel, "mt0", &report) < 0)
		return 16;
	if (kernel_attach(w->kernel, "mt0", ATTACH_NATIVE, &report) < 0)
		return 17;
	if (kernel_interfaces(w->kernel, &report, 1) != 1)
		return 18;
	if (!loop_until(w, 20000, kernel_hop(w->kernel, 0, NULL) == HOP_GOOD))
		return 19;
	return kernel_detach(w->kernel, "mt0", &report) < 0 ? 20 : 0;
}

/* Runs a command in a while, from a process that keeps all capabilities. */
static void soon(const char *format, const char *object)
{
	char command[512];

	snprintf(command, sizeof(command), format, object);
	if (fork() == 0) {
		usleep(500000);
		_exit(system(command) != 0);
	}
}

static void programs_that_come_later_are_told(void **state)
{
	struct world *w = *state;
	int status;

	pid_t pid = fork();
	if (pid == 0) {
		sd_event_unref(w->event);
		sd_event_new(&w->event);
		must_open(w);
		soon("ip link set dev mt0 xdp obj %s sec xdp", w->object);
		capng_clear(CAPNG_SELECT_BOTH);
		capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_BPF, CAP_NET_ADMIN, CAP_NET_RAW, -1);
		if (capng_apply(CAPNG_SELECT_BOTH) != 0)
			_exit(1);
		bool told = loop_until(w, 20000, strstr(w->link_text, "restart musterd to adopt it") != NULL);
		_exit(told ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0)
		fail_msg("a program attached after privileges were dropped was not told (status %#x)", status);
}

static void works_after_privileges_are_dropped(void **state)
{
	struct world *w = *state;
	int status;

	run("ip link set dev mt0 xdp obj %s sec xdp", w->object);
	pid_t pid = fork();
	if (pid == 0) {
		sd_event_unref(w->event);
		sd_event_new(&w->event);
		must_open(w);
		plan_of_two(w);
		sync_now(w);
		_exit(work_without_sys_admin(w));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0)
		fail_msg("without CAP_SYS_ADMIN step %d failed (status %#x)", WEXITSTATUS(status), status);
	assert_int_equal(program_on("mt0"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_world(modes_are_what_was_asked_for),
		test_in_world(auto_falls_back_and_says_why),
		test_in_world(jumbo_frames_get_their_entry),
		test_in_world(virtual_devices_are_told_apart),
		test_in_world(foreign_program_is_left_alone),
		test_in_world(an_object_is_loaded_once),
		test_in_world(program_of_ip_link_is_adopted),
		test_in_world(ip_link_shares_the_maps_that_musterd_made),
		test_in_world(second_agent_is_refused),
		test_in_world(other_abi_is_refused_in_words),
		test_in_world(works_with_no_agent),
		test_in_world(older_program_gives_way_without_a_gap),
		test_in_world(lost_program_is_told),
		test_in_world(works_after_privileges_are_dropped),
		test_in_world(programs_that_come_later_are_told),
	};

	return cmocka_run_group_tests_name("kernel_attach", tests, NULL, NULL);
}
