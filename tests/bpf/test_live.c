/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that really leave: by which interface, in two-arm and one-arm, and refusals too. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "harness.h"

static int listen_on(const char *interface)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET, .sll_protocol = htons(0x0003), .sll_ifindex = if_nametoindex(interface)};
	struct timeval patience = {.tv_usec = 300000};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

/* Sends the frame through the program for real; what arrives at `interface` must be `wanted`. */
static void send_live(const char *what, const struct packet *in, const char *interface, const struct packet *wanted)
{
	struct frame frame, got = {}, built;
	struct xdp_md context = {.ingress_ifindex = front};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.data, .ctx_in = &context, .ctx_size_in = sizeof(context),
		    .repeat = 1, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	int fd = listen_on(interface);
	ssize_t size;

	packet_build(&frame, in);
	packet_build(&built, wanted);
	opts.data_size_in = context.data_end = frame.size;
	if (bpf_prog_test_run_opts(program, &opts))
		fail_msg("%s: the kernel sends no live frames: %s", what, strerror(errno));
	do {
		size = recv(fd, got.data, sizeof(got.data), 0);
		if (size < 0)
			fail_msg("%s: nothing arrived at %s", what, interface);
	} while (memcmp(got.data, built.data, 12));
	got.size = size;
	close(fd);
	check_frame(&got, &built, what);
}

static const struct packet syn = {
	.from = CLIENT, .to = VIP, .sport = 1000, .dport = SERVICE_PORT, .flags = SYN, .seq = 100, .payload = 60};

static struct packet forwarded(void)
{
	struct packet wanted = syn;

	wanted.to = WEB_01;
	wanted.dport = SERVER_PORT;
	wanted.ttl = 63;
	wanted.mac_from = role_mac(SOURCE);
	return wanted;
}

static void test_two_arms(void **state)
{
	struct packet wanted = forwarded();

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	send_live("a SYN to the other interface", &syn, "servers", &wanted);
}

static void test_one_arm(void **state)
{
	struct muster_server server = server_make(WEB, WEB_01, 4, SERVER_PORT);
	struct packet wanted = forwarded();
	struct packet answer = {.from = WEB_01,
				.to = CLIENT,
				.sport = SERVER_PORT,
				.dport = 1000,
				.flags = SYN | ACK,
				.mac_to = role_mac(SOURCE),
				.payload = 20};
	struct packet answered = {.from = VIP,
				  .to = CLIENT,
				  .sport = SERVICE_PORT,
				  .dport = 1000,
				  .flags = SYN | ACK,
				  .ttl = 63,
				  .payload = 20};

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	server.hop.ifindex = front;
	server_put(1, &server);
	send_live("a SYN out of the interface that it came in by", &syn, "client", &wanted);
	send_live("its answer out of the same interface", &answer, "client", &answered);
}

static void test_refusals(void **state)
{
	struct packet reset = {.from = VIP,
			       .to = CLIENT,
			       .sport = SERVICE_PORT,
			       .dport = 1000,
			       .flags = RST | ACK,
			       .ack = 161,
			       .no_id = true};

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	picks_put(WEB, (int[]){-1});
	send_live("a RST out of the interface that the SYN came in by", &syn, "client", &reset);
}

static int up(void **state)
{
	int error = bench_up(state);

	/* A veth takes redirected frames where its peer has a NAPI: GRO gives it one. */
	command("ethtool -K client gro on && ethtool -K servers gro on");
	return error;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_two_arms, bench_reset),
		cmocka_unit_test_setup(test_one_arm, bench_reset),
		cmocka_unit_test_setup(test_refusals, bench_reset),
	};

	return cmocka_run_group_tests(tests, up, bench_down);
}
