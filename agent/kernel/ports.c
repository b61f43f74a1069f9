// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports.h"

#include <stdio.h>

#define PORTS_FROM 1024u
#define PORTS_TO   65535u

int ports_outside(const char *sysctl, struct muster_port_range out[2])
{
	unsigned first, last;

	if (sscanf(sysctl, "%u %u", &first, &last) != 2 || first > last || last > PORTS_TO)
		return -EINVAL;
	out[0] = (struct muster_port_range){.first = PORTS_FROM, .count = first > PORTS_FROM ? first - PORTS_FROM : 0};
	last = MAX(last + 1, PORTS_FROM);
	out[1] = (struct muster_port_range){.first = last > PORTS_TO ? 0 : last, .count = PORTS_TO + 1 - last};
	return 0;
}

int ports_of_host(struct muster_port_range out[2])
{
	char text[64] = "";
	FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");

	if (!f)
		return -errno;
	size_t length = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[length] = '\0';
	return ports_outside(text, out);
}
