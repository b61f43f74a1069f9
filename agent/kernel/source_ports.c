// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A map of source ports for each server that is reached by fullnat (port_ring.h is what stands in one), made before the
 * server gets its first flow.
 *
 * A map is made, or made anew, in an order that needs no lock: it is put in place with all numbers held and none in the
 * ring. The kernel returns from that when no CPU uses the one before it any more, so from then on nobody can get a number;
 * the walk over the flow table sees all that are in use, and the others are given out. New flows of that server are refused
 * for those milliseconds (no_port), which only a server that had a map before can notice: the others are in no picks yet.
 */
#include "inside.h"

#include <bpf/bpf.h>

#include "../log.h"
#include "flow_entry.h"
#include "port_ring.h"

void source_ports_init(struct kernel *kernel)
{
	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS; i++)
		kernel->ports[i].fd = -1;
}

static void drop(struct port_map *map)
{
	maps_unshare(map->line, (size_t)map->n_lines * sizeof(*map->line));
	closep(&map->fd);
	freep(&map->held);
	freep(&map->ringed);
	*map = (struct port_map){.fd = -1};
}

void source_ports_close(struct kernel *kernel)
{
	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS; i++)
		drop(&kernel->ports[i]);
}

static int take(struct port_map *map, int fd)
{
	struct bpf_map_info info = {0};
	__u32 length = sizeof(info);
	struct muster_ports_line *line;

	if (bpf_obj_get_info_by_fd(fd, &info, &length) < 0)
		return -errno;
	if (info.value_size != sizeof(*line) || info.max_entries < MUSTER_PORTS_STATES)
		return -EPROTO;
	line = maps_share(fd, (size_t)info.max_entries * sizeof(*line));
	if (!line)
		return -errno;
	drop(map);
	*map = (struct port_map){.fd = fd, .line = line, .n_lines = info.max_entries};
	return 0;
}

/* The map must hold what its head says, or what follows from it reaches beyond its end. */
static bool is_whole(const struct port_map *map)
{
	const struct muster_ports *head = (const struct muster_ports *)map->line;

	return head->n && head->n <= UINT16_MAX * MUSTER_MAX_SOURCES && port_ring_lines(head->n) == map->n_lines &&
	       head->per_source == (uint32_t)head->range[0].count + head->range[1].count;
}

int source_ports_adopt(struct kernel *kernel)
{
	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS; i++) {
		_cleanup_(closep) int fd = -1;
		uint32_t id;

		if (bpf_map_lookup_elem(kernel->maps.fd[MAP_PORTS], &i, &id) < 0)
			continue;
		fd = bpf_map_get_fd_by_id(id);
		if (fd < 0 || take(&kernel->ports[i], fd) < 0)
			continue;
		(void)TAKE_FD(fd);
		if (!is_whole(&kernel->ports[i]))
			drop(&kernel->ports[i]);
		else
			kernel->ports[i].unfinished = port_ring_waiting(kernel->ports[i].line) == 0;
	}
	return 0;
}

static struct port_ring_shape shape_of(const struct kernel *kernel, uint32_t server)
{
	struct port_ring_shape shape = {.sources = MIN(kernel->servers[server].sources, MUSTER_MAX_SOURCES)};

	memcpy(shape.range, kernel->config.ports, sizeof(shape.range));
	return shape;
}

/* A server that new flows are to reach from ports of this host. */
static bool is_wanted(const struct kernel *kernel, uint32_t i)
{
	const struct muster_server *server = &kernel->servers[i];
	struct port_ring_shape shape = shape_of(kernel, i);

	if (server->state == MUSTER_SERVER_FREE || server->service >= MUSTER_MAX_SERVICES)
		return false;
	return kernel->services[server->service].mode == MUSTER_MODE_FULLNAT && port_ring_numbers(&shape) > 0;
}

/* The server's map with all numbers held; not in place yet. */
static int make(struct kernel *kernel, uint32_t server)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	struct port_map *map = &kernel->ports[server];
	struct port_ring_shape shape = shape_of(kernel, server);
	uint32_t n = port_ring_numbers(&shape), early = map->line ? port_ring_early(map->line) : 0;
	_cleanup_(closep) int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "muster_port", sizeof(uint32_t),
						  sizeof(struct muster_ports_line), port_ring_lines(n), &opts);
	int r = fd < 0 ? -errno : take(map, fd);

	if (r < 0)
		return r;
	(void)TAKE_FD(fd);
	map->held = calloc(n / 32 + 1, sizeof(*map->held));
	map->ringed = calloc(n / 32 + 1, sizeof(*map->ringed));
	if (!map->held || !map->ringed) {
		drop(map);
		return -ENOMEM;
	}
	port_ring_init(map->line, &shape, early);
	return 0;
}

/* Notes the port of a flow, where its server's map is being made. */
static void note(struct kernel *kernel, const struct flow_entry *entry)
{
	struct port_map *map = &kernel->ports[entry->flow.server % MUSTER_MAX_SERVERS];
	bool closing = muster_tag_state(entry->tag) == MUSTER_FLOW_CLOSING, mark = entry->tag & MUSTER_MARK;
	uint32_t n;

	if (!map->held || entry->flow.dir != MUSTER_TO_CLIENT || entry->flow.mode != MUSTER_MODE_FULLNAT ||
	    (entry->tag & MUSTER_PAIR))
		return;
	n = port_ring_number(map->line, entry->flow.source, be16toh(entry->flow.nat_port));
	if (n == PORT_RING_NONE)
		return;
	if (closing) { /* it has given its port back */
		port_ring_linger(map->line, n);
		return;
	}
	map->held[n / 32] |= 1U << n % 32;
	if (mark)
		map->ringed[n / 32] |= 1U << n % 32;
}

static void note_flows(struct kernel *kernel)
{
	struct flow_cursor cursor = {0};
	struct flow_entry entry;
	uint32_t ref;

	while (flow_cursor_next(kernel, &cursor, &ref))
		for (uint32_t way = 0; way < MUSTER_WAYS; way++)
			if (flow_entry_read(kernel, ref + way, &entry))
				note(kernel, &entry);
}

/* Puts the maps of these servers in place, and gives out what no flow holds. */
static int publish(struct kernel *kernel, const uint32_t *servers, uint32_t n)
{
	_cleanup_(freep) int *fds = calloc(n, sizeof(*fds));
	int r;

	if (!fds)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		fds[i] = kernel->ports[servers[i]].fd;
	r = maps_put_inner(kernel->maps.fd[MAP_PORTS], servers, fds, n);
	if (r == 0)
		note_flows(kernel);
	for (uint32_t i = 0; i < n; i++) {
		struct port_map *map = &kernel->ports[servers[i]];

		if (r == 0)
			port_ring_hand_out(map->line, map->held, map->ringed);
		freep(&map->held);
		freep(&map->ringed);
		if (r < 0)
			drop(map);
	}
	return r;
}

static int renew(struct kernel *kernel, const uint32_t *servers, uint32_t n)
{
	uint32_t made = 0;
	int r = 0;

	while (made < n && r == 0) {
		r = make(kernel, servers[made]);
		made += r == 0;
	}
	if (r == 0)
		return publish(kernel, servers, n);
	for (uint32_t i = 0; i < made; i++)
		drop(&kernel->ports[servers[i]]);
	return r;
}

int source_ports_want(struct kernel *kernel)
{
	_cleanup_(freep) uint32_t *servers = calloc(MUSTER_MAX_SERVERS, sizeof(*servers));
	uint32_t n = 0;

	if (!servers)
		return -ENOMEM;
	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS; i++) {
		struct port_ring_shape shape = shape_of(kernel, i);
		const struct port_map *map = &kernel->ports[i];
		bool good = map->line && port_ring_fits(map->line, map->n_lines, &shape) && !map->unfinished;

		if (is_wanted(kernel, i) && !good)
			servers[n++] = i;
	}
	return n ? renew(kernel, servers, n) : 0;
}

int source_ports_remove(struct kernel *kernel, uint32_t server)
{
	if (!kernel->ports[server].line)
		return 0;
	drop(&kernel->ports[server]);
	return bpf_map_delete_elem(kernel->maps.fd[MAP_PORTS], &server) < 0 && errno != ENOENT ? -errno : 0;
}

void source_ports_audit(struct kernel *kernel, uint32_t server, uint32_t in_use, uint32_t rounds)
{
	struct port_map *map = &kernel->ports[server];
	int64_t missing;
	int r;

	if (!map->line)
		return;
	missing = (int64_t)port_ring_size(map->line) - port_ring_waiting(map->line) - in_use;
	if (!drift_lasts(&map->drift, missing, rounds))
		return;
	r = is_wanted(kernel, server) ? renew(kernel, &server, 1) : 0;
	if (r < 0)
		log_warning("source ports toward %s: %lld of %u are neither free nor in use; counting them anew: %s",
			    kernel->servers[server].name, (long long)missing, port_ring_size(map->line), strerror(-r));
	else
		log_notice("source ports toward %s: %lld of %u were neither free nor in use; they were counted anew",
			   kernel->servers[server].name, (long long)missing, port_ring_size(map->line));
}

void source_ports_read(const struct kernel *kernel, uint32_t server, struct kernel_ports *out)
{
	const struct port_map *map = &kernel->ports[server];

	*out = (struct kernel_ports){0};
	if (!map->line)
		return;
	out->n = port_ring_size(map->line);
	out->in_use = out->n - port_ring_waiting(map->line);
	out->reused_early = port_ring_early(map->line);
}

uint64_t source_ports_bytes(const struct kernel *kernel)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS; i++)
		bytes += kernel->ports[i].n_lines * (uint64_t)sizeof(struct muster_ports_line);
	return bytes;
}
