// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A way on which packets are late: what is routed to a tun device of that name leaves by another interface MS milliseconds
 * later, in order, with nothing changed. Answers come the usual way. IPv4.
 *
 *   late TUN MS INTERFACE   runs until it is ended; the device goes with it
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MOST 2048
#define QUEUE_MOST  4096

struct late {
	int64_t due_ms;
	size_t size;
	uint8_t bytes[PACKET_MOST];
};

static struct late queue[QUEUE_MOST];
static unsigned head, tail; /* taken, put */

static void die(const char *doing)
{
	fprintf(stderr, "late: %s: %s\n", doing, strerror(errno));
	exit(1);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int tun_open(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request))
		die("making the tun device");
	return fd;
}

/* Bound to the interface, so that no rule leads its packets back into the tun device. */
static int raw_open(const char *interface)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, strlen(interface)))
		die(interface);
	return fd;
}

static void take_all(int tun, int64_t by_ms)
{
	while (tail - head < QUEUE_MOST) {
		struct late *late = &queue[tail % QUEUE_MOST];
		ssize_t size = read(tun, late->bytes, sizeof(late->bytes));

		if (size < 0 && errno == EAGAIN)
			return;
		if (size < 0)
			die("reading the tun device");
		if ((size_t)size < sizeof(struct iphdr) || late->bytes[0] >> 4 != 4)
			continue;
		late->size = size;
		late->due_ms = now_ms() + by_ms;
		tail++;
	}
}

static void send_due(int raw)
{
	for (; head != tail && queue[head % QUEUE_MOST].due_ms <= now_ms(); head++) {
		struct late *late = &queue[head % QUEUE_MOST];
		struct sockaddr_in to = {.sin_family = AF_INET,
					 .sin_addr.s_addr = ((struct iphdr *)late->bytes)->daddr};

		if (sendto(raw, late->bytes, late->size, 0, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != ENOBUFS)
			die("sending");
	}
}

int main(int argc, char **argv)
{
	int tun, raw;

	if (argc != 4 || atoi(argv[2]) <= 0) {
		fprintf(stderr, "usage: late TUN MS INTERFACE\n");
		return 1;
	}
	tun = tun_open(argv[1]);
	raw = raw_open(argv[3]);
	for (;;) {
		struct pollfd wait = {.fd = tun, .events = tail - head < QUEUE_MOST ? POLLIN : 0};
		int64_t ms = head == tail ? -1 : queue[head % QUEUE_MOST].due_ms - now_ms();

		poll(&wait, 1, head != tail && ms < 0 ? 0 : ms);
		take_all(tun, atoi(argv[2]));
		send_due(raw);
	}
}
