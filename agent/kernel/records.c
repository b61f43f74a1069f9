// SPDX-License-Identifier: GPL-2.0-or-later
#include "inside.h"

#include <bpf/bpf.h>
#include <sys/random.h>

#include "../log.h"
#include "ports.h"

#define HOP_STALE_MS 60000

/*
 * Opens what is shared with the program for good. The secret is drawn as the program draws it, so that whoever comes first
 * has drawn it for both; the last word tells that it is whole.
 */
int records_open(struct kernel *kernel)
{
	kernel->shared = maps_share(kernel->maps.fd[MAP_CONFIG], sizeof(*kernel->shared));
	kernel->live = maps_share(kernel->maps.fd[MAP_LIVE], MUSTER_MAX_SERVERS * sizeof(*kernel->live));
	kernel->flood = maps_share(kernel->maps.fd[MAP_FLOOD], sizeof(*kernel->flood));
	kernel->proven = maps_share(kernel->maps.fd[MAP_PROVEN], sizeof(*kernel->proven));
	if (!kernel->shared || !kernel->live || !kernel->flood || !kernel->proven)
		return -errno;
	for (int i = 0; i < MUSTER_SECRET_WORDS; i++) {
		__u64 none = 0, word = 0;

		if (getrandom(&word, sizeof(word), 0) != (ssize_t)sizeof(word))
			return -EIO;
		__atomic_compare_exchange_n(&kernel->shared->secret[i], &none, word | 1, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST);
	}
	return 0;
}

void records_close(struct kernel *kernel)
{
	maps_unshare(kernel->shared, sizeof(*kernel->shared));
	maps_unshare(kernel->live, MUSTER_MAX_SERVERS * sizeof(*kernel->live));
	maps_unshare((void *)kernel->flood, sizeof(*kernel->flood));
	maps_unshare(kernel->proven, sizeof(*kernel->proven));
}

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
	if (record->state != MUSTER_SERVER_FREE)
		strangers_meet_server(kernel, record);
	if (bpf_map_update_elem(kernel->maps.fd[MAP_SERVERS], &index, record, BPF_ANY) < 0)
		return -errno;
	kernel->servers[index] = *record;
	return 0;
}

int records_put_service(struct kernel *kernel, uint32_t index, const struct muster_service *record)
{
	if (record->used)
		strangers_meet_service(kernel, record);
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

void records_config(struct kernel *kernel, const struct muster_config *plan, struct muster_config *out)
{
	uint32_t per_s = kernel->ticks.per_s;

	*out = *plan;
	out->abi = MUSTER_ABI;
	out->ticks_per_s = per_s;
	for (int i = 0; i < MUSTER_TIMEOUTS; i++)
		out->timeout[i] = beats_from_ms(plan->timeout[i], per_s);
	out->hop_stale = ticks_from_ms(plan->hop_stale ? plan->hop_stale : HOP_STALE_MS, per_s);
	fill_ports(out);
	memcpy(out->secret, kernel->config.secret, sizeof(out->secret));
	memcpy(out->bucket_mask, kernel->config.bucket_mask, sizeof(out->bucket_mask));
	out->table = kernel->config.table;
	memcpy(out->stranger_to, kernel->config.stranger_to, sizeof(out->stranger_to));
	memcpy(out->stranger_from, kernel->config.stranger_from, sizeof(out->stranger_from));
}
