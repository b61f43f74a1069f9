// SPDX-License-Identifier: GPL-2.0-or-later
#include "inside.h"

#include <bpf/bpf.h>
#include <sys/random.h>

#include "../log.h"
#include "ports.h"

#define HOP_STALE_MS 60000

int records_read(struct kernel *kernel)
{
	uint32_t zero = 0;
	int r;

	if (bpf_map_lookup_elem(kernel->maps.fd[MAP_CONFIG], &zero, &kernel->config) < 0)
		return -errno;
	r = maps_read_array(kernel->maps.fd[MAP_SERVICES], kernel->services, MUSTER_MAX_SERVICES,
			    sizeof(struct muster_service));
	if (r < 0)
		return r;
	return maps_read_array(kernel->maps.fd[MAP_SERVERS], kernel->servers, MUSTER_MAX_SERVERS,
			       sizeof(struct muster_server));
}

int records_put_server(struct kernel *kernel, uint32_t index, const struct muster_server *record)
{
	if (bpf_map_update_elem(kernel->maps.fd[MAP_SERVERS], &index, record, BPF_ANY) < 0)
		return -errno;
	kernel->servers[index] = *record;
	return 0;
}

int records_put_service(struct kernel *kernel, uint32_t index, const struct muster_service *record)
{
	if (bpf_map_update_elem(kernel->maps.fd[MAP_SERVICES], &index, record, BPF_ANY) < 0)
		return -errno;
	kernel->services[index] = *record;
	return 0;
}

int records_put_config(struct kernel *kernel, const struct muster_config *config)
{
	uint32_t zero = 0;

	if (bpf_map_update_elem(kernel->maps.fd[MAP_CONFIG], &zero, config, BPF_ANY) < 0)
		return -errno;
	kernel->config = *config;
	return 0;
}

static void fill_ports(struct muster_config *config)
{
	if (config->ports[0].count || config->ports[1].count)
		return;
	int r = ports_of_host(config->ports);
	if (r < 0)
		log_warning(
			"reading net.ipv4.ip_local_port_range: %s; fullnat has no source ports until it can be read",
			strerror(-r));
}

int records_config(struct kernel *kernel, const struct muster_config *plan, struct muster_config *out)
{
	uint32_t per_s = kernel->ticks.per_s;

	*out = *plan;
	out->abi = MUSTER_ABI;
	out->ticks_per_s = per_s;
	for (int i = 0; i < MUSTER_FLOW_STATES_N; i++)
		out->timeout[i] = ticks_from_ms(plan->timeout[i], per_s);
	out->timeout_udp = ticks_from_ms(plan->timeout_udp, per_s);
	out->hop_stale = ticks_from_ms(plan->hop_stale ? plan->hop_stale : HOP_STALE_MS, per_s);
	fill_ports(out);
	memcpy(out->secret, kernel->config.secret, sizeof(out->secret));
	if (!out->secret[0] && !out->secret[1] &&
	    getrandom(out->secret, sizeof(out->secret), 0) != (ssize_t)sizeof(out->secret))
		return -EIO;
	return 0;
}
