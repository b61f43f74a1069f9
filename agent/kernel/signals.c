// SPDX-License-Identifier: GPL-2.0-or-later
/* What the program counted of a server's own packets: each CPU apart, here added up. */
#include "inside.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

_Static_assert(sizeof(struct muster_signals) % sizeof(uint64_t) == 0, "counters and nothing else");

int kernel_signals(struct kernel *kernel, uint32_t server_index, struct muster_signals *out)
{
	int n = libbpf_num_possible_cpus();
	_cleanup_(freep) struct muster_signals *cpus = n > 0 ? calloc(n, sizeof(*cpus)) : NULL;
	uint64_t *sum = (uint64_t *)out;

	if (!cpus)
		return n < 0 ? n : -ENOMEM;
	if (bpf_map_lookup_elem(kernel->maps.fd[MAP_SIGNALS], &server_index, cpus) < 0)
		return -errno;
	memset(out, 0, sizeof(*out));
	for (int cpu = 0; cpu < n; cpu++)
		for (size_t i = 0; i < sizeof(*out) / sizeof(*sum); i++)
			sum[i] += ((const uint64_t *)&cpus[cpu])[i];
	return 0;
}

int signals_clear(struct kernel *kernel, uint32_t server_index)
{
	int n = libbpf_num_possible_cpus();
	_cleanup_(freep) struct muster_signals *cpus = n > 0 ? calloc(n, sizeof(*cpus)) : NULL;

	if (!cpus)
		return n < 0 ? n : -ENOMEM;
	return bpf_map_update_elem(kernel->maps.fd[MAP_SIGNALS], &server_index, cpus, BPF_ANY) < 0 ? -errno : 0;
}
