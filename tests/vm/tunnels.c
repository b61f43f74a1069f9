/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints the frame that each kind of the kernel's tunnel devices makes of a client's SYN: its name, then hexadecimal. */
#include <stdio.h>

#include "tunnel.h"

/* A traffic class, so that it must be seen outside too. */
static void mark(struct frame *frame, int family)
{
	uint8_t *ip = frame->data + 14;

	if (family == 6) {
		put16(ip, 0x6b80);
		return;
	}
	ip[1] = 0xb8;
	put16(ip + 10, 0);
	put16(ip + 10, sum_finish(sum_bytes(ip, 20, 0)));
}

int main(void)
{
	int status = 0;

	if (tunnels_up()) {
		fprintf(stderr, "no network namespace of the program's own; run it as root\n");
		return 1;
	}
	for (const struct tunnel *tunnel = tunnels; tunnel->name; tunnel++) {
		const struct packet syn = {.family = tunnel->inner,
					   .from = CLIENT,
					   .to = VIP,
					   .sport = 1000,
					   .dport = 80,
					   .flags = SYN,
					   .seq = 100};
		struct frame in, out = {};

		packet_build(&in, &syn);
		mark(&in, tunnel->inner);
		if (tunnel_send(tunnel, &in, &out)) {
			fprintf(stderr, "%s: nothing left the device\n", tunnel->name);
			status = 1;
			continue;
		}
		printf("%s: ", tunnel->name);
		for (size_t i = 0; i < out.size; i++)
			printf("%02x", out.data[i]);
		printf("\n");
	}
	return status;
}
