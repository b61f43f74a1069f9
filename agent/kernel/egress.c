// SPDX-License-Identifier: GPL-2.0-or-later
#include "egress.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "../base.h"
#include "../log.h"

static bool is_driver(const char *ifname, const char *driver)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq request = {.ifr_data = (void *)&info};
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
	return fd >= 0 && ioctl(fd, SIOCETHTOOL, &request) == 0 && strcmp(info.driver, driver) == 0;
}

/* -1 when it cannot be read. */
static int read_sysctl(const char *path)
{
	int value = -1;
	FILE *f = fopen(path, "re");

	if (!f)
		return -1;
	if (fscanf(f, "%d", &value) != 1)
		value = -1;
	fclose(f);
	return value;
}

bool egress_is_veth(const char *ifname)
{
	return is_driver(ifname, "veth");
}

void egress_check(const char *ifname)
{
	char path[96];

	if (egress_is_veth(ifname))
		log_info("%s is a veth: its peer takes redirected packets only with `ethtool -K PEER gro on` or an XDP "
			 "program "
			 "of its own, and senders behind it need `ethtool -K DEV tx off`",
			 ifname);
	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/forwarding", ifname);
	if (read_sysctl(path) == 0)
		log_warning(
			"net.ipv4.conf.%s.forwarding is 0: the program cannot ask the routing table for next hops "
			"there, "
			"and clients behind a router are answered by the way they came; sysctl net.ipv4.ip_forward=1",
			ifname);
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/forwarding", ifname);
	if (read_sysctl(path) == 0)
		log_info("net.ipv6.conf.%s.forwarding is 0: as for IPv4, if it carries IPv6 services; sysctl "
			 "net.ipv6.conf.all.forwarding=1",
			 ifname);
}
