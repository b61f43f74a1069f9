/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel counts of a server's new flows, read from the pinned maps: whoever is out must get none. */
#ifndef KILLER_TURNS_H
#define KILLER_TURNS_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <muster/maps.h>
#include <stdlib.h>
#include <string.h>

#define PINS         "/sys/fs/bpf/xdp/globals"
#define RECORDS_MOST 64 /* looked through: the lab has few */

static struct turn_maps {
	int services, servers, counters;
} turn_maps;

/* Who is out, since when by the counter. */
struct out {
	bool counted;
	unsigned record;
	unsigned long long flows;
	long long since_ms;
};

static bool turns_open(void)
{
	turn_maps.services = bpf_obj_get(PINS "/muster_services");
	turn_maps.servers = bpf_obj_get(PINS "/muster_servers");
	turn_maps.counters = bpf_obj_get(PINS "/muster_srv_stat");
	return turn_maps.services >= 0 && turn_maps.servers >= 0 && turn_maps.counters >= 0;
}

/* The record of a server of the service "web"; -1: it has none. */
static int turns_record(const char *name)
{
	struct muster_service service;
	struct muster_server server;

	for (unsigned i = 0; i < RECORDS_MOST; i++)
		if (!bpf_map_lookup_elem(turn_maps.servers, &i, &server) && server.state != MUSTER_SERVER_FREE &&
		    !strcmp(server.name, name) && !bpf_map_lookup_elem(turn_maps.services, &server.service, &service) &&
		    !strcmp(service.name, "web"))
			return (int)i;
	return -1;
}

static unsigned long long turns_of(unsigned record)
{
	int cpus = libbpf_num_possible_cpus();
	struct muster_stats *stats = calloc((size_t)cpus, sizeof(*stats));
	unsigned long long flows = 0;

	if (bpf_map_lookup_elem(turn_maps.counters, &record, stats) == 0)
		for (int i = 0; i < cpus; i++)
			flows += stats[i].flows_new;
	free(stats);
	return flows;
}

/* New flows that it got since it was out; a record that has another name by now counts for nobody. */
static unsigned long long turns_since(const struct out *out, const char *name)
{
	struct muster_server server;
	unsigned long long flows;

	if (!out->counted || bpf_map_lookup_elem(turn_maps.servers, &out->record, &server))
		return 0;
	if (server.state != MUSTER_SERVER_FREE && strcmp(server.name, name))
		return 0;
	flows = turns_of(out->record);
	return flows > out->flows ? flows - out->flows : 0;
}

#endif
