// SPDX-License-Identifier: GPL-2.0-or-later
/* The program counts on each CPU apart; here they are added up. */
#include "inside.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static void add(struct muster_stats *sum, const struct muster_stats *cpu, int n)
{
	for (int i = 0; i < n; i++) {
		sum->packets_in += cpu[i].packets_in;
		sum->bytes_in += cpu[i].bytes_in;
		sum->packets_out += cpu[i].packets_out;
		sum->bytes_out += cpu[i].bytes_out;
		sum->flows_new += cpu[i].flows_new;
		sum->flows_closed += cpu[i].flows_closed;
		sum->refused += cpu[i].refused;
		sum->dropped += cpu[i].dropped;
	}
}

static int read_stats(int fd, uint32_t index, struct muster_stats *cpus, int n, struct muster_stats *out)
{
	if (bpf_map_lookup_elem(fd, &index, cpus) < 0)
		return -errno;
	add(out, cpus, n);
	return 0;
}

static int read_verdicts(int fd, int n, uint64_t *out)
{
	_cleanup_(freep) uint64_t *cpus = calloc(n, sizeof(*cpus));

	if (!cpus)
		return -ENOMEM;
	for (uint32_t v = 0; v < MUSTER_VERDICTS_N; v++) {
		if (bpf_map_lookup_elem(fd, &v, cpus) < 0)
			return -errno;
		for (int i = 0; i < n; i++)
			out[v] += cpus[i];
	}
	return 0;
}

int kernel_counters(struct kernel *kernel, struct kernel_counters *out)
{
	int n = libbpf_num_possible_cpus(), r;
	_cleanup_(freep) struct muster_stats *cpus = NULL;

	if (n < 0)
		return n;
	memset(out, 0, sizeof(*out));
	cpus = calloc(n, sizeof(*cpus));
	if (!cpus)
		return -ENOMEM;
	r = read_verdicts(kernel->maps.fd[MAP_VERDICTS], n, out->verdict);
	if (r == 0)
		out->n_failures = failures_read(kernel, out->failure);
	for (uint32_t i = 0; i < MUSTER_MAX_SERVICES && r == 0; i++)
		if (kernel->services[i].used)
			r = read_stats(kernel->maps.fd[MAP_SVC_STAT], i, cpus, n, &out->service[i]);
	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS && r == 0; i++) {
		if (kernel->servers[i].state == MUSTER_SERVER_FREE)
			continue;
		source_ports_read(kernel, i, &out->ports[i]);
		r = read_stats(kernel->maps.fd[MAP_SRV_STAT], i, cpus, n, &out->server[i]);
	}
	return r;
}

int kernel_server_stats(struct kernel *kernel, uint32_t server_index, struct muster_stats *out)
{
	int n = libbpf_num_possible_cpus();
	_cleanup_(freep) struct muster_stats *cpus = n > 0 ? calloc(n, sizeof(*cpus)) : NULL;

	if (!cpus)
		return n < 0 ? n : -ENOMEM;
	memset(out, 0, sizeof(*out));
	return read_stats(kernel->maps.fd[MAP_SRV_STAT], server_index, cpus, n, out);
}

int counters_clear(struct kernel *kernel, enum map_index map, uint32_t index)
{
	int n = libbpf_num_possible_cpus();
	_cleanup_(freep) struct muster_stats *cpus = n > 0 ? calloc(n, sizeof(*cpus)) : NULL;

	if (!cpus)
		return n < 0 ? n : -ENOMEM;
	return bpf_map_update_elem(kernel->maps.fd[map], &index, cpus, BPF_ANY) < 0 ? -errno : 0;
}

uint64_t kernel_memory(struct kernel *kernel)
{
	uint64_t bytes = flow_tables_bytes(kernel) + source_ports_bytes(kernel);

	for (int i = 0; i < MAP_N; i++)
		bytes += maps_bytes(kernel->maps.fd[i]);
	for (int i = 0; i < MUSTER_MAX_SERVICES; i++)
		if (kernel->picks[i].fd >= 0)
			bytes += maps_bytes(kernel->picks[i].fd);
	return bytes;
}
