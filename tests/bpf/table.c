/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flow table and the source ports, as the agent would make them, mapped into the test: what stands there, and since when. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

unsigned table_buckets = 1024;
static struct muster_bucket *table[MUSTER_TABLES_N];

void table_up(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);

	for (uint32_t i = MUSTER_TABLE_HALF_OPEN; i <= MUSTER_TABLE_A; i++) {
		int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "muster_table", 4, sizeof(struct muster_bucket),
					table_buckets, &opts);

		if (fd < 0)
			fail_msg("no table of %u buckets: %s", table_buckets, strerror(errno));
		table[i] = mmap(NULL, table_buckets * sizeof(struct muster_bucket), PROT_READ | PROT_WRITE, MAP_SHARED,
				fd, 0);
		if (table[i] == MAP_FAILED)
			fail_msg("the table cannot be mapped: %s", strerror(errno));
		map_put("muster_flows", &i, &fd);
		close(fd);
	}
}

void table_reset(struct muster_config *config)
{
	for (int i = MUSTER_TABLE_HALF_OPEN; i <= MUSTER_TABLE_A; i++) {
		memset(table[i], 0, table_buckets * sizeof(struct muster_bucket));
		config->bucket_mask[i] = table_buckets - 1;
	}
}

static bool used(uint64_t tag)
{
	return muster_tag_state(tag) != MUSTER_FLOW_FREE;
}

static bool belongs(const struct muster_flow *flow, const struct packet *p)
{
	bool answer = p->from == WEB_01 || p->from == WEB_02;
	const struct muster_addr *client = role_addr(p->from, p->family);

	if (answer) {
		if (flow->dir != MUSTER_TO_CLIENT || flow->server_port != htons(p->sport) ||
		    flow->nat_port != htons(p->dport))
			return false;
		return flow->mode == MUSTER_MODE_FULLNAT ||
		       !memcmp(&flow->client, role_addr(p->to, p->family), sizeof(flow->client));
	}
	return flow->dir == MUSTER_TO_SERVER && flow->client_port == htons(p->sport) &&
	       flow->vip_port == htons(p->dport) && !memcmp(&flow->client, client, sizeof(*client));
}

static bool found_at(struct found *found, int t, unsigned bucket, unsigned way)
{
	*found = (struct found){.flow = &table[t][bucket].flow[way],
				.tag = &table[t][bucket].tag[way],
				.ref = MUSTER_REF(t, bucket, way)};
	return used(*found->tag);
}

bool flow_get(const struct packet *packet, struct found *found)
{
	for (int t = MUSTER_TABLE_HALF_OPEN; t <= MUSTER_TABLE_A; t++)
		for (unsigned b = 0; b < table_buckets; b++)
			for (unsigned w = 0; w < MUSTER_WAYS; w++)
				if (found_at(found, t, b, w) && belongs(found->flow, packet))
					return true;
	*found = (struct found){0};
	return false;
}

uint32_t flow_state(const struct found *found)
{
	return muster_tag_state(*found->tag);
}

void entry_age(const struct found *found, uint32_t beats)
{
	uint64_t seen = (*found->tag - beats) & MUSTER_SEEN_MASK;

	*found->tag = (*found->tag & ~MUSTER_SEEN_MASK) | seen;
}

void flow_age(const struct packet *packet, uint32_t beats)
{
	struct found found, twin;

	assert_true(flow_get(packet, &found));
	entry_age(&found, beats);
	if (found.flow->twin == MUSTER_NOWHERE)
		return;
	found_at(&twin, MUSTER_REF_TABLE(found.flow->twin), MUSTER_REF_BUCKET(found.flow->twin),
		 MUSTER_REF_WAY(found.flow->twin));
	entry_age(&twin, beats);
}

void entry_lose(const struct found *found)
{
	*found->tag = (*found->tag + MUSTER_VERSION_ONE) & (MUSTER_VERSION_MASK | MUSTER_SPILL);
}

struct muster_bucket *table_buckets_of(enum muster_table t)
{
	return table[t];
}

unsigned flow_count_in(enum muster_table t)
{
	unsigned n = 0;

	for (unsigned b = 0; b < table_buckets; b++)
		for (unsigned w = 0; w < MUSTER_WAYS; w++)
			n += used(table[t][b].tag[w]);
	return n;
}

unsigned flow_count(void)
{
	return flow_count_in(MUSTER_TABLE_HALF_OPEN) + flow_count_in(MUSTER_TABLE_A);
}

static int ports_make(struct muster_ports head, uint32_t n_lines)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	struct muster_ports_line *line;
	uint32_t cells = (MUSTER_PORTS_STATES + head.state_lines) * MUSTER_PORTS_WORDS;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "muster_port", 4, sizeof(*line), n_lines, &opts);

	if (fd < 0)
		fail_msg("no map of %u ports: %s", head.n, strerror(errno));
	line = mmap(NULL, n_lines * sizeof(*line), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (line == MAP_FAILED)
		fail_msg("the ports cannot be mapped: %s", strerror(errno));
	memcpy(&line[0], &head, sizeof(head));
	line[1].word[0] = head.n;
	for (uint32_t i = 0; i < head.n; i++)
		line[0].word[cells + i] = (uint64_t)(i + 1) << 32 | i;
	munmap(line, n_lines * sizeof(*line));
	return fd;
}

void ports_put(uint32_t server, uint16_t first, uint16_t count, unsigned sources)
{
	struct muster_ports head = {
		.n = count * sources,
		.per_source = count,
		.state_lines = count * sources / (MUSTER_PORTS_A_WORD * MUSTER_PORTS_WORDS) + 1,
		.range[0] = {first, count},
	};
	int fd = ports_make(head, MUSTER_PORTS_STATES + head.state_lines + head.n / MUSTER_PORTS_WORDS + 1);

	map_put("muster_ports", &server, &fd);
	close(fd);
}

uint32_t ports_early(uint32_t server)
{
	struct muster_ports head;
	uint32_t id, zero = 0;
	int fd;

	assert_int_equal(bpf_map_lookup_elem(map_fd("muster_ports"), &server, &id), 0);
	fd = bpf_map_get_fd_by_id(id);
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &head), 0);
	close(fd);
	return head.early;
}

void port_hold(uint32_t server, uint32_t n, bool held)
{
	uint32_t id, at = MUSTER_PORTS_STATES + n / (MUSTER_PORTS_A_WORD * MUSTER_PORTS_WORDS);
	uint64_t bit = 1ULL << n % MUSTER_PORTS_A_WORD;
	struct muster_ports_line line;
	__u64 *word = &line.word[n / MUSTER_PORTS_A_WORD % MUSTER_PORTS_WORDS];
	int fd;

	assert_int_equal(bpf_map_lookup_elem(map_fd("muster_ports"), &server, &id), 0);
	fd = bpf_map_get_fd_by_id(id);
	assert_int_equal(bpf_map_lookup_elem(fd, &at, &line), 0);
	*word = held ? *word | bit : *word & ~bit;
	assert_int_equal(bpf_map_update_elem(fd, &at, &line, BPF_ANY), 0);
	close(fd);
}

bool port_held(uint32_t server, uint32_t n)
{
	uint32_t id, at = MUSTER_PORTS_STATES + n / (MUSTER_PORTS_A_WORD * MUSTER_PORTS_WORDS);
	struct muster_ports_line line;
	int fd;

	assert_int_equal(bpf_map_lookup_elem(map_fd("muster_ports"), &server, &id), 0);
	fd = bpf_map_get_fd_by_id(id);
	assert_int_equal(bpf_map_lookup_elem(fd, &at, &line), 0);
	close(fd);
	return line.word[n / MUSTER_PORTS_A_WORD % MUSTER_PORTS_WORDS] >> n % MUSTER_PORTS_A_WORD & 1;
}
