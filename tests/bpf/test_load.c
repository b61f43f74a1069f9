/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loading: by ip link alone, natively and generic, a second time over the same pins; and what the program costs. */
#include <errno.h>
#include <stdlib.h>

#include "harness.h"

#define VERIFIED_MOST 30000

static const char *object_path(void)
{
	const char *path = getenv("MUSTER_OBJECT");

	return path ? path : "build/muster.bpf.o";
}

/* As `ip link` does it; -force takes the place of a program that is there. */
static void load(const char *interface, const char *mode)
{
	char line[512];

	snprintf(line, sizeof(line), "ip -force link set dev %s %s obj %s sec xdp", interface, mode, object_path());
	command(line);
	snprintf(line, sizeof(line), "test $(ip -j link show dev %s | jq '.[0].xdp.mode') = %d", interface,
		 strcmp(mode, "xdp") ? 2 : 1);
	command(line);
}

static void test_ip_link_loads_it(void **state)
{
	(void)state;
	command("mount -t bpf bpf /sys/fs/bpf");
	load("front", "xdp");
	load("back", "xdpgeneric");
	command("test $(ls /sys/fs/bpf/xdp/globals | grep -c '^muster_') = 18");
	/* Both programs use the same pinned maps; constants and the trace are each load's own. */
	command("maps() { bpftool -j prog show id $(ip -j link show dev $1 | jq '.[0].xdp.prog.id') |"
		" jq -c '.map_ids'; }; test $(jq -n --argjson a \"$(maps front)\" --argjson b \"$(maps back)\""
		" '$a - ($a - $b) | length') = 18");
	/* A newer program takes the place of the old one, over the same maps. */
	load("front", "xdp");
	command("ip link set dev back xdpgeneric off && ip link set dev front xdp off && umount /sys/fs/bpf");
}

/* How many instructions the verifier walks to accept this program of the object, loaded alone. */
static long verified(const char *name)
{
	static char log[1 << 16];
	LIBBPF_OPTS(bpf_object_open_opts, opts, .kernel_log_buf = log, .kernel_log_size = sizeof(log),
		    .kernel_log_level = 4);
	struct bpf_object *other = bpf_object__open_file(object_path(), &opts);
	struct bpf_program *each;
	struct bpf_map *map;
	const char *at;

	assert_non_null(other);
	bpf_object__for_each_program(each, other)
		bpf_program__set_autoload(each, strcmp(bpf_program__name(each), name) == 0);
	bpf_object__for_each_map(map, other) bpf_map__set_pin_path(map, NULL);
	memset(log, 0, sizeof(log));
	if (bpf_object__load(other))
		fail_msg("the kernel refuses %s: %s", name, strerror(errno));
	bpf_object__close(other);
	at = strstr(log, "processed ");
	assert_non_null(at);
	return atol(at + strlen("processed "));
}

static void test_verified_instructions(void **state)
{
	struct bpf_object *other = bpf_object__open_file(object_path(), NULL);
	struct bpf_program *each;
	unsigned programs = 0;

	(void)state;
	assert_non_null(other);
	bpf_object__for_each_program(each, other)
	{
		const char *name = bpf_program__name(each);
		long walked = verified(name);

		print_message("# the verifier walked %ld instructions of %s\n", walked, name);
		assert_in_range(walked, 1, VERIFIED_MOST);
		programs++;
	}
	bpf_object__close(other);
	assert_int_equal(programs, 5);
}

/* `ip link` on a kernel without BTF: one CO-RE relocation anywhere in the object, and it would be refused. */
static void test_ip_link_without_kernel_btf(void **state)
{
	(void)state;
	command("mount -t tmpfs none /sys/kernel/btf && mount -t bpf bpf /sys/fs/bpf");
	load("front", "xdp");
	command("ip link set dev front xdp off && umount /sys/fs/bpf && umount /sys/kernel/btf");
}

/*
 * Nanoseconds of a hit toward the server. A repeated run gets the packet that the last one left: the server has
 * the VIP's own address and port here, so that it stays a packet of the flow as long as its TTL lasts.
 */
static void test_cost_of_a_hit(void **state)
{
	struct packet in = {.from = CLIENT,
			    .to = VIP,
			    .sport = 1000,
			    .dport = SERVICE_PORT,
			    .flags = SYN,
			    .ttl = 255,
			    .mac_from = role_mac(SOURCE),
			    .mac_to = role_mac(WEB_01)};
	struct muster_server server = server_make(WEB, WEB_01, 4, SERVICE_PORT);
	struct frame frame;
	struct xdp_md context = {.ingress_ifindex = front};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.data, .ctx_in = &context, .ctx_size_in = sizeof(context),
		    .repeat = 250);
	unsigned best = ~0U;

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	server.addr = *role_addr(VIP, 4);
	server_put(1, &server);
	packet_build(&frame, &in);
	opts.data_size_in = context.data_end = frame.size;
	for (unsigned i = 0; i < 400; i++) {
		assert_int_equal(bpf_prog_test_run_opts(program, &opts), 0);
		assert_int_equal(opts.retval, XDP_REDIRECT);
		best = opts.duration < best ? opts.duration : best;
	}
	assert_int_equal(stats_of("muster_svc_stat", WEB).packets_in, 400 * 250);
	assert_int_equal(picks_turn(WEB), 1);
	print_message("# a hit toward the server takes %u ns\n", best);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_ip_link_loads_it, bench_reset),
		cmocka_unit_test_setup(test_ip_link_without_kernel_btf, bench_reset),
		cmocka_unit_test_setup(test_verified_instructions, bench_reset),
		cmocka_unit_test_setup(test_cost_of_a_hit, bench_reset),
	};

	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
