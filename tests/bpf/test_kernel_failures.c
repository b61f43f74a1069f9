// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Packets that the program forwarded and the kernel dropped behind it, on real interfaces. A client at the peer sends
 * datagrams to the service; each test sends them out of an interface that does not take them.
 */
#include "test_kernel_world.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static uint64_t verdict(uint32_t which)
{
	int cpus = libbpf_num_possible_cpus(), fd = pinned("muster_verdicts");
	uint64_t value[cpus], sum = 0;

	assert_int_equal(bpf_map_lookup_elem(fd, &which, value), 0);
	close(fd);
	for (int i = 0; i < cpus; i++)
		sum += value[i];
	return sum;
}

static uint64_t failed(void)
{
	return verdict(MUSTER_VERDICT_EGRESS_FAILED);
}

/* From the peer to 10.99.0.100:80, each from a port of its own; returns once they have arrived. */
static void send_datagrams(struct world *w, const char *ifname, unsigned n, size_t bytes)
{
	static const char data[1400];
	char netns[64], command[128];
	uint64_t wanted;
	int status;

	snprintf(command, sizeof(command), "ip -s -j link show %s | jq '.[0].stats64.rx.packets'", ifname);
	wanted = strtoull(output(command), NULL, 10) + n;
	snprintf(netns, sizeof(netns), "/proc/%d/ns/net", w->peer);
	pid_t pid = fork();
	if (pid == 0) {
		struct sockaddr_in to = {
			.sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = inet_addr("10.99.0.100")};

		if (setns(open(netns, O_RDONLY), CLONE_NEWNET) < 0)
			_exit(1);
		while (n--) {
			int fd = socket(AF_INET, SOCK_DGRAM, 0);

			if (sendto(fd, data, bytes, 0, (struct sockaddr *)&to, sizeof(to)) != (ssize_t)bytes)
				_exit(2);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (int i = 0; i < 100 && strtoull(output(command), NULL, 10) < wanted; i++)
		usleep(10000);
}

/* The way to both servers is out of that interface, whatever the host's routes say. */
static void set_egress(uint32_t ifindex)
{
	for (uint32_t i = 0; i < 2; i++) {
		struct muster_server record = read_server(i);

		record.hop.ifindex = ifindex;
		write_map("muster_servers", &i, &record);
	}
}

/* A service on mt0, whose servers are behind `egress`, a veth whose peer takes XDP frames. */
static void world_serves(struct world *w, enum attach_mode mode)
{
	struct attach_report report;
	char mac[32];

	must_open(w);
	plan_of_two(w);
	w->service.record.proto = IPPROTO_UDP;
	sync_now(w);
	assert_int_equal(kernel_attach(w->kernel, "mt0", mode, &report), 0);
	kernel_count_failures(w->kernel);
	assert_true(loop_until(w, 4000, read_server(0).hop.ifindex && read_server(1).hop.ifindex));
	run("ip link add egress type veth peer name beyond && ethtool -K beyond gro on && ip link set beyond up &&"
	    " ip link set egress up");
	snprintf(mac, sizeof(mac), "%s", output("ip -j link show mt0 | jq -r '.[0].address'"));
	run("nsenter -t %d -n ip neigh add 10.99.0.100 dev mt1 lladdr %s", w->peer, mac);
	set_egress(if_nametoindex("egress"));
	send_datagrams(w, "mt0", 5, 20);
	if (verdict(MUSTER_VERDICT_TO_SERVER) < 5)
		fail_msg("%lu of 5 datagrams were forwarded", (unsigned long)verdict(MUSTER_VERDICT_TO_SERVER));
	assert_int_equal(failed(), 0);
}

#define assert_failed(w, n)                                                                                            \
	do {                                                                                                           \
		if (failed() != (n))                                                                                   \
			fail_msg("%lu packets are counted as egress_failed, %lu expected; %lu were forwarded",         \
				 (unsigned long)failed(), (unsigned long)(n),                                          \
				 (unsigned long)verdict(MUSTER_VERDICT_TO_SERVER));                                    \
	} while (0)

/* The latest failure is this one. */
static void assert_latest(struct world *w, const char *ifname, int error, uint64_t packets)
{
	_cleanup_(freep) struct kernel_counters *counters = calloc(1, sizeof(*counters));
	const struct kernel_failure *latest = &counters->failure[0];

	assert_int_equal(kernel_counters(w->kernel, counters), 0);
	assert_true(counters->n_failures > 0);
	if (strcmp(latest->ifname, ifname) || latest->error != error || latest->packets != packets)
		fail_msg("the latest failure is %lu packets to \"%s\" (%s), not %lu to \"%s\" (%s)",
			 (unsigned long)latest->packets, latest->ifname, strerror(-latest->error),
			 (unsigned long)packets, ifname, strerror(-error));
	assert_true(latest->last_ms > clock_now_ms() - 5000 && latest->last_ms <= clock_now_ms());
}

static void each_reason_is_counted(struct world *w)
{
	uint32_t egress = if_nametoindex("egress");

	run("ip link set egress down");
	send_datagrams(w, "mt0", 5, 20);
	assert_failed(w, 5);
	assert_latest(w, "egress", -ENETDOWN, 5);
	run("ip link set egress up");

	send_datagrams(w, "mt0", 5, 20);
	assert_failed(w, 5);
	run("ip link set egress mtu 500");
	send_datagrams(w, "mt0", 4, 600);
	assert_failed(w, 9);
	assert_latest(w, "egress", -EMSGSIZE, 4);

	set_egress(4242);
	send_datagrams(w, "mt0", 3, 20);
	assert_failed(w, 12);
	assert_latest(w, "", -EINVAL, 3);
	set_egress(egress);
}

static void refusals_are_counted_natively(void **state)
{
	struct world *w = *state;

	world_serves(w, ATTACH_NATIVE);
	each_reason_is_counted(w);
}

static void refusals_are_counted_in_generic_mode(void **state)
{
	struct world *w = *state;

	world_serves(w, ATTACH_GENERIC);
	each_reason_is_counted(w);
}

/* Since Linux 6.3 the redirect fails (EOPNOTSUPP), before the driver's transmission does (ENXIO). */
static void veth_without_gro_is_counted(void **state)
{
	struct world *w = *state;
	struct kernel_counters *counters = calloc(1, sizeof(*counters));

	world_serves(w, ATTACH_NATIVE);
	run("ethtool -K beyond gro off");
	send_datagrams(w, "mt0", 5, 20);
	assert_failed(w, 5);
	assert_int_equal(kernel_counters(w->kernel, counters), 0);
	assert_int_equal(counters->n_failures, 1);
	assert_true(counters->failure[0].veth);
	assert_true(counters->failure[0].error == -EOPNOTSUPP || counters->failure[0].error == -ENXIO);
	free(counters);
	run("ethtool -K beyond gro on");
	send_datagrams(w, "mt0", 5, 20);
	assert_failed(w, 5);
}

/* The driver's own refusals, of which only xdp_devmap_xmit tells: a tap without a reader has room for two. */
static void full_ring_is_counted(void **state)
{
	struct world *w = *state;
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	_cleanup_(closep) int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (tap < 0) {
		print_message("# no /dev/net/tun here: %s\n", strerror(errno));
		skip();
	}
	world_serves(w, ATTACH_NATIVE);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "tap0");
	assert_int_equal(ioctl(tap, TUNSETIFF, &request), 0);
	run("sysctl -qw net.ipv6.conf.tap0.disable_ipv6=1 && ip link set tap0 txqueuelen 2 up");
	set_egress(if_nametoindex("tap0"));
	send_datagrams(w, "mt0", 5, 20);
	assert_failed(w, 3);
	assert_latest(w, "tap0", 0, 3);
}

/* Redirects everything, and uses that map. */
static void load_redirect(const char *ifname, uint32_t to, int map, int *link)
{
	struct bpf_insn code[] = {
		{.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = map},
		{0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = (int)to},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 0},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect},
		{.code = BPF_JMP | BPF_EXIT},
	};
	_cleanup_(closep) int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "redirect", "GPL", code, ARRAY_SIZE(code), NULL);

	assert_true(fd >= 0);
	if (link) {
		*link = bpf_link_create(fd, (int)if_nametoindex(ifname), BPF_XDP, NULL);
		assert_true(*link >= 0);
	} else {
		assert_int_equal(bpf_xdp_attach((int)if_nametoindex(ifname), fd, 0, NULL), 0);
	}
}

/* The same failures of a program that does not use our maps are not ours; of one that does, they are. */
static void only_our_programs_are_counted(void **state)
{
	struct world *w = *state;
	_cleanup_(closep) int verdicts = -1, theirs = -1, tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC), link = -1;
	struct ifreq request = {.ifr_name = "tap0", .ifr_flags = IFF_TAP | IFF_NO_PI};
	uint32_t full, down;

	if (tap < 0) {
		print_message("# no /dev/net/tun here: %s\n", strerror(errno));
		skip();
	}
	world_serves(w, ATTACH_NATIVE);
	verdicts = pinned("muster_verdicts");
	theirs = bpf_map_create(BPF_MAP_TYPE_ARRAY, "theirs", 4, 8, 1, NULL);
	assert_true(theirs >= 0);
	/* These programs redirect whatever comes: nothing but the datagrams may. */
	run("nsenter -t %d -n sysctl -qw net.ipv6.conf.mt1.disable_ipv6=1", w->peer);
	assert_int_equal(ioctl(tap, TUNSETIFF, &request), 0);
	run("sysctl -qw net.ipv6.conf.tap0.disable_ipv6=1 && ip link set tap0 txqueuelen 2 up");
	run("ip link set egress down && ip link set dev mt0 xdp off");
	full = if_nametoindex("tap0");
	down = if_nametoindex("egress");

	load_redirect("mt0", down, theirs, NULL);
	send_datagrams(w, "mt0", 5, 20);
	run("ip link set dev mt0 xdp off");
	load_redirect("mt0", full, theirs, NULL);
	send_datagrams(w, "mt0", 5, 20);
	run("ip link set dev mt0 xdp off");
	assert_failed(w, 0);

	/* The tap is full since: each of these is dropped. */
	load_redirect("mt0", full, verdicts, NULL);
	send_datagrams(w, "mt0", 4, 20);
	run("ip link set dev mt0 xdp off");
	assert_failed(w, 4);
	load_redirect("mt0", full, verdicts, &link);
	send_datagrams(w, "mt0", 3, 20);
	assert_failed(w, 7);
}

/* Attached by `ip link` while the agent runs: its failures count, and the load is what it was without the agent. */
static void programs_that_come_later_are_counted(void **state)
{
	struct world *w = *state;

	world_serves(w, ATTACH_NATIVE);
	run("ip -force link set dev mt0 xdp obj %s sec xdp", w->object);
	run("ip link set egress down");
	send_datagrams(w, "mt0", 5, 20);
	assert_failed(w, 5);
}

/* How many tracepoint links there are over our muster_verdicts. */
static int attached_programs(void)
{
	int n = 0, verdicts = pinned("muster_verdicts");
	struct bpf_map_info map = {0};
	__u32 id = 0, size = sizeof(map);

	assert_int_equal(bpf_obj_get_info_by_fd(verdicts, &map, &size), 0);
	close(verdicts);
	while (bpf_link_get_next_id(id, &id) == 0) {
		_cleanup_(closep) int fd = bpf_link_get_fd_by_id(id), program = -1;
		struct bpf_link_info link = {0};
		__u32 ids[16] = {0};
		struct bpf_prog_info info = {.map_ids = (uintptr_t)ids, .nr_map_ids = ARRAY_SIZE(ids)};

		size = sizeof(link);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &link, &size) < 0 || link.type != BPF_LINK_TYPE_RAW_TRACEPOINT)
			continue;
		program = bpf_prog_get_fd_by_id(link.prog_id);
		size = sizeof(info);
		if (program < 0 || bpf_obj_get_info_by_fd(program, &info, &size) < 0)
			continue;
		for (__u32 i = 0; i < MIN(info.nr_map_ids, ARRAY_SIZE(ids)); i++)
			n += ids[i] == map.id;
	}
	return n;
}

static void restart_counts_once(void **state)
{
	struct world *w = *state;

	world_serves(w, ATTACH_NATIVE);
	run("ip link set egress down");
	assert_int_equal(attached_programs(), 3);
	send_datagrams(w, "mt0", 5, 20);
	assert_failed(w, 5);
	kernel_close(&w->kernel);
	assert_int_equal(attached_programs(), 0);
	/* Nobody counts now: the packets are lost all the same. */
	send_datagrams(w, "mt0", 5, 20);
	assert_failed(w, 5);
	must_open(w);
	kernel_count_failures(w->kernel);
	assert_int_equal(attached_programs(), 3);
	send_datagrams(w, "mt0", 5, 20);
	assert_failed(w, 10);
	assert_latest(w, "egress", -ENETDOWN, 5);
}

/* A kernel without BTF: nothing else is lost, with the agent or without. */
static void without_btf_the_rest_works(void **state)
{
	struct world *w = *state;

	assert_int_equal(mount("none", "/sys/kernel/btf", "tmpfs", 0, NULL), 0);
	world_serves(w, ATTACH_NATIVE);
	assert_int_equal(attached_programs(), 0);
	run("ip link set egress down");
	send_datagrams(w, "mt0", 5, 20);
	assert_failed(w, 0);
	run("ip -force link set dev mt0 xdp obj %s sec xdp", w->object);
	umount2("/sys/kernel/btf", MNT_DETACH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_world(refusals_are_counted_natively), test_in_world(refusals_are_counted_in_generic_mode),
		test_in_world(veth_without_gro_is_counted),   test_in_world(full_ring_is_counted),
		test_in_world(only_our_programs_are_counted), test_in_world(programs_that_come_later_are_counted),
		test_in_world(restart_counts_once),           test_in_world(without_btf_the_rest_works),
	};

	return cmocka_run_group_tests_name("kernel: egress failures", tests, NULL, NULL);
}
