// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A flood of SYNs: so many a second, each of a client and port of its own, in real frames of the bench's source.
 *
 *   syns OBJECT DEV GATEWAY ADDRESS PORT RATE COUNT [FIRST]
 *
 * OBJECT is packets.bpf.o; GATEWAY, the link address that the frames go to; FIRST, the number of the first flow. Prints one
 * line of JSON: how many were sent, and how many a second. Fewer than RATE is what this machine can send.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../tools/bench.d/template.h"

#define BATCH  64  /* packets that the kernel hands over at a time; a veth's ring has room for 256 */
#define CALL   512 /* packets of one system call: the grain of the rate */
#define SOURCE "source_v4"

static void die(const char *doing, int error)
{
	fprintf(stderr, "syns: %s: %s\n", doing, strerror(error < 0 ? -error : error));
	exit(1);
}

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* The link address of an interface. */
static void own_mac(const char *dev, __u8 *mac)
{
	struct ifreq request = {};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", dev);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request))
		die(dev, errno);
	close(fd);
	memcpy(mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
}

/* The source's program, its plan written; its fd. */
static int source(const char *path, const struct target *to, uint32_t first)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	struct bench_plan plan = {.next = first};
	uint32_t zero = 0;
	int error;

	if (!object)
		die(path, errno);
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), SOURCE));
	error = bpf_object__load(object);
	if (error)
		die("loading the source of packets", error);
	template_make(&plan, to, KIND_SYN);
	if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(object, "plan"), &zero, &plan, BPF_ANY))
		die("writing the source's plan", errno);
	return bpf_program__fd(bpf_object__find_program_by_name(object, SOURCE));
}

static void emit(int program, unsigned ifindex, uint32_t n)
{
	static unsigned char frame[sizeof(struct ethhdr) + sizeof(struct bench_v4)];
	struct xdp_md context = {.data_end = sizeof(frame), .ingress_ifindex = ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame), .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = n, .batch_size = BATCH,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	int error = bpf_prog_test_run_opts(program, &opts);

	if (error)
		die("sending packets", error);
}

static void flood(int program, unsigned ifindex, double rate, uint64_t count)
{
	double start = now_s(), ahead;
	uint64_t sent = 0;

	while (sent < count) {
		uint32_t n = count - sent < CALL ? count - sent : CALL;

		emit(program, ifindex, n);
		sent += n;
		ahead = sent / rate - (now_s() - start);
		if (ahead > 0)
			usleep(ahead * 1e6);
	}
	printf("{\"sent\": %lu, \"rate\": %.0f}\n", sent, sent / (now_s() - start));
}

int main(int argc, char **argv)
{
	struct target to = {.family = AF_INET};
	struct ether_addr *gateway;
	unsigned ifindex;

	if (argc < 8 || argc > 9 || !(gateway = ether_aton(argv[3])) || inet_pton(AF_INET, argv[4], &to.v4) != 1 ||
	    atof(argv[6]) <= 0) {
		fprintf(stderr, "usage: syns OBJECT DEV GATEWAY ADDRESS PORT RATE COUNT [FIRST]\n");
		return 1;
	}
	ifindex = if_nametoindex(argv[2]);
	if (!ifindex)
		die(argv[2], errno);
	memcpy(to.mac, gateway, ETH_ALEN);
	own_mac(argv[2], to.from);
	to.port = htons(atoi(argv[5]));
	flood(source(argv[1], &to, argc == 9 ? strtoul(argv[8], NULL, 10) : 0), ifindex, atof(argv[6]),
	      strtoull(argv[7], NULL, 10));
	return 0;
}
