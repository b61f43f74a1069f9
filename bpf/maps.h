/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pinned maps: the program's whole memory (muster/maps.h says what is in them). All are pinned by name, so
 * that a second interface, or a newer program, that is loaded over the same pins goes on with the same state.
 */
#ifndef MUSTER_BPF_MAPS_H
#define MUSTER_BPF_MAPS_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <muster/event.h>
#include <muster/flow.h>
#include <muster/maps.h>
#include <muster/ports.h>
#include <muster/trace.h>
#include <muster/verdict.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct muster_config);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} muster_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MUSTER_MAX_SERVICES);
	__type(key, struct muster_vip);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} muster_vips SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MUSTER_MAX_SERVICES);
	__type(key, __u32);
	__type(value, struct muster_service);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} muster_services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MUSTER_MAX_SERVERS);
	__type(key, __u32);
	__type(value, struct muster_server);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} muster_servers SEC(".maps");

/* BPF_F_INNER_MAP: a service's table may have any number of elements, not only this template's. */
struct muster_picks_template {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(max_entries, MUSTER_PICKS_SLOT);
	__type(key, __u32);
	__type(value, __u64);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, MUSTER_MAX_SERVICES);
	__type(key, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__array(values, struct muster_picks_template);
} muster_picks SEC(".maps");

/* The tables' size is the agent's choice: this object works over any. */
struct muster_flows_template {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32)); /* by size: clang leaves the types out of the object's BTF */
	__uint(value_size, sizeof(struct muster_bucket));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, MUSTER_TABLES_N);
	__type(key, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__array(values, struct muster_flows_template);
} muster_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct muster_proven);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} muster_proven SEC(".maps");

struct muster_ports_template {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	__uint(max_entries, MUSTER_PORTS_STATES);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct muster_ports_line));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, MUSTER_MAX_SERVERS);
	__type(key, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__array(values, struct muster_ports_template);
} muster_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MUSTER_MAX_SERVERS);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} muster_live SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MUSTER_MAX_FRAGMENTS);
	__type(key, struct muster_fragment);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} muster_fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MUSTER_VERDICTS_MOST);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} muster_verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MUSTER_MAX_SERVICES);
	__type(key, __u32);
	__type(value, struct muster_stats);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} muster_svc_stat SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MUSTER_MAX_SERVERS);
	__type(key, __u32);
	__type(value, struct muster_stats);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} muster_srv_stat SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct muster_limits);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} muster_limits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MUSTER_MAX_SERVERS);
	__type(key, __u32);
	__type(value, struct muster_signals);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} muster_signals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct muster_flood);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} muster_flood SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MUSTER_MAX_CLIENTS);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} muster_clients SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, MUSTER_EVENTS_BYTES);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} muster_events SEC(".maps");

/* Not pinned: each load has its own. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct muster_trace);
} muster_trace SEC(".maps");

/* Set where the program is to be asked only what it would do (muster why): then it writes to no pinned map. */
SEC(MUSTER_DRY_RUN) const volatile bool dry_run = false;

#endif
