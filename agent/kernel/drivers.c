// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What drivers do to the link when a program comes or goes, as they stand in Linux 6.1 to 6.18. One that is not here
 * changes nothing, or is not known. A program that takes another one's place disturbs none of them.
 */
#include "hints.h"

#include <stdio.h>

enum disturbance {
	NONE,
	QUEUES, /* its queues are made anew */
	LINK,   /* the whole interface is closed and opened */
};

static const struct {
	const char *driver; /* as ethtool -i names it */
	enum disturbance disturbance;
} drivers[] = {
	{"atlantic", LINK},     {"bnxt_en", QUEUES},   {"ena", QUEUES},       {"fsl_dpaa2_eth", LINK},
	{"fsl_enetc", QUEUES},  {"gve", QUEUES},       {"i40e", LINK},        {"ice", QUEUES},
	{"igb", LINK},          {"igc", LINK},         {"ionic", QUEUES},     {"ixgbe", LINK},
	{"ixgbevf", LINK},      {"mlx4_en", LINK},     {"mlx5_core", QUEUES}, {"mvneta", LINK},
	{"mvpp2", LINK},        {"nfp", QUEUES},       {"nicvf", QUEUES},     {"qede", LINK},
	{"rvu_nicpf", QUEUES},  {"rvu_nicvf", QUEUES}, {"st_gmac", QUEUES},   {"tsnep", LINK},
	{"virtio_net", QUEUES},
};

static enum disturbance disturbance_of(const char *driver)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (strcmp(drivers[i].driver, driver) == 0)
			return drivers[i].disturbance;
	return NONE;
}

const char *attach_warning(const struct attach_facts *facts, char *buf, size_t n)
{
	const char *what = "";

	switch (disturbance_of(facts->driver)) {
	case NONE:
		break;
	case QUEUES:
		what = "makes its queues anew when a program comes or goes: for a moment its packets are lost";
		break;
	case LINK:
		what = "closes and opens its link when a program comes or goes: for up to some seconds it carries "
		       "nothing";
		break;
	}
	snprintf(buf, n, "%s%s%s%s%s", *what ? facts->ifname : "", *what ? " (" : "", *what ? facts->driver : "",
		 *what ? ") " : "", what);
	return buf;
}
