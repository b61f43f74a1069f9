/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host with the program on its interface and services in the maps goes on as before: real datagrams in
 * fragments, and ARP and neighbour discovery before them, both families, native and generic.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define PORT 7000
#define SIZE 3000 /* two fragments and a bit */

/* In the peer's namespace: one datagram there and back; 0 when it came back whole. */
static int ask(const char *address)
{
	struct sockaddr_in6 addr = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	struct timeval patience = {.tv_usec = 300000};
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	char sent[SIZE], got[SIZE];

	inet_pton(AF_INET6, address, &addr.sin6_addr);
	memset(sent, 'x', sizeof(sent));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	for (int i = 0; i < 10; i++) {
		sendto(fd, sent, sizeof(sent), 0, (struct sockaddr *)&addr, sizeof(addr));
		if (recv(fd, got, sizeof(got), 0) == SIZE && !memcmp(got, sent, SIZE))
			return 0;
	}
	return 1;
}

static int peer(int ready, int go)
{
	char byte = 0;

	if (unshare(CLONE_NEWNET) || write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 1)
		return 10;
	if (system("ip link set client up && ip addr add 10.9.0.2/24 dev client &&"
		   "ip addr add fd09::2/64 dev client nodad"))
		return 11;
	if (ask("::ffff:10.9.0.1"))
		return 4;
	return ask("fd09::1") ? 6 : 0;
}

/* Sends back what comes until the peer ends; its exit status. */
static int echo_until_end(int fd, pid_t child)
{
	struct sockaddr_in6 from;
	socklen_t length;
	char data[SIZE];
	int status;

	while (!waitpid(child, &status, WNOHANG)) {
		ssize_t size;

		length = sizeof(from);
		size = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &length);
		if (size > 0)
			sendto(fd, data, size, 0, (struct sockaddr *)&from, length);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void exchange(const char *mode, uint32_t flags)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	struct timeval patience = {.tv_usec = 100000};
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), ready[2], go[2], status;
	char line[128], byte = 0;
	pid_t child;

	command("ip link show client >/dev/null 2>&1 || (ip link del front 2>/dev/null;"
		"ip link add front type veth peer name client); ip link set front up;"
		"ip addr replace 10.9.0.1/24 dev front; ip addr replace fd09::1/64 dev front nodad");
	front = if_nametoindex("front");
	if (bpf_xdp_attach(front, program, flags, NULL))
		fail_msg("cannot attach in %s mode: %s", mode, strerror(errno));
	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(pipe(ready) | pipe(go), 0);
	child = fork();
	if (!child)
		_exit(peer(ready[1], go[0]));
	assert_int_equal(read(ready[0], &byte, 1), 1);
	snprintf(line, sizeof(line), "ip link set client netns %d", child);
	command(line);
	assert_int_equal(write(go[1], &byte, 1), 1);
	status = echo_until_end(fd, child);
	close(fd);
	if (status)
		fail_msg("%s mode: no datagram came back over IPv%d", mode, status);
}

static void test_host_is_left_alone(void **state)
{
	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	pool_make(6, MUSTER_MODE_FULLNAT);
	exchange("native", XDP_FLAGS_DRV_MODE);
	exchange("generic", XDP_FLAGS_SKB_MODE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_host_is_left_alone, bench_reset),
	};

	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
