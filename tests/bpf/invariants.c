/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must hold of the flow table, the source ports and the live counts whenever no packet is under way. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

#define SERVERS    32 /* records that the tests use */
#define PORTS_MOST 65536

/* What the entries and the ring say of each port toward one server. */
struct tally {
	uint8_t open[PORTS_MOST];   /* flows that hold it */
	uint8_t ringed[PORTS_MOST]; /* times in the ring */
	bool marked[PORTS_MOST];    /* its holder says that the ring has it */
	bool unheld[PORTS_MOST];    /* its holder says that no bit holds it: a flow of a flood */
	bool closed[PORTS_MOST];    /* an entry of a closed flow stands */
};

struct ports_view {
	struct muster_ports_line *line;
	struct muster_ports *head;
	size_t bytes;
};

static bool ports_open(struct ports_view *view, uint32_t server)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	uint32_t id;
	int fd;

	if (bpf_map_lookup_elem(map_fd("muster_ports"), &server, &id))
		return false;
	fd = bpf_map_get_fd_by_id(id);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	view->bytes = info.max_entries * sizeof(*view->line);
	view->line = mmap(NULL, view->bytes, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(view->line != MAP_FAILED);
	view->head = (struct muster_ports *)view->line;
	close(fd);
	return true;
}

static void ports_close(struct ports_view *view)
{
	munmap(view->line, view->bytes);
}

static bool state_bit(const struct ports_view *view, uint32_t n, unsigned shift)
{
	const __u64 *word = view->line[MUSTER_PORTS_STATES].word;

	return word[n / MUSTER_PORTS_A_WORD] >> (n % MUSTER_PORTS_A_WORD + shift) & 1;
}

static void ring_tally(const char *what, const struct ports_view *view, struct tally *tally)
{
	uint64_t head = view->head->head, tail = ((struct muster_ports_tail *)&view->line[1])->tail;
	const __u64 *cell = view->line[MUSTER_PORTS_STATES + view->head->state_lines].word;

	if (tail - head > view->head->n)
		fail_msg("%s: the ring of %u ports holds %llu", what, view->head->n, (unsigned long long)(tail - head));
	for (uint64_t turn = head; turn < tail; turn++) {
		uint64_t value = cell[turn % view->head->n];

		if (value >> 32 != (uint32_t)(turn + 1) || (uint32_t)value >= view->head->n)
			fail_msg("%s: the ring's cell of turn %llu has %llx", what, (unsigned long long)turn,
				 (unsigned long long)value);
		tally->ringed[(uint32_t)value]++;
	}
}

static unsigned port_number(const struct muster_ports *head, const struct muster_flow *flow)
{
	return flow->source * head->per_source + ntohs(flow->nat_port) - head->range[0].first;
}

static struct muster_bucket *bucket_of(uint32_t ref)
{
	return &table_buckets_of(MUSTER_REF_TABLE(ref))[MUSTER_REF_BUCKET(ref)];
}

static void for_each_entry(void (*visit)(const char *what, uint32_t ref, uint64_t tag, struct muster_flow *flow,
					 void *context),
			   const char *what, void *context)
{
	for (int t = MUSTER_TABLE_HALF_OPEN; t <= MUSTER_TABLE_B; t++)
		for (unsigned b = 0; table_buckets_of(t) && b < table_buckets; b++)
			for (unsigned w = 0; w < MUSTER_WAYS; w++) {
				struct muster_bucket *bucket = &table_buckets_of(t)[b];

				if (muster_tag_state(bucket->tag[w]) != MUSTER_FLOW_FREE)
					visit(what, MUSTER_REF(t, b, w), bucket->tag[w], &bucket->flow[w], context);
			}
}

struct ports_context {
	uint32_t server;
	struct ports_view view;
	struct tally *tally;
};

static void tally_entry(const char *what, uint32_t ref, uint64_t tag, struct muster_flow *flow, void *context)
{
	struct ports_context *c = context;
	unsigned n;

	(void)ref;
	if (flow->dir != MUSTER_TO_CLIENT || flow->mode != MUSTER_MODE_FULLNAT || flow->server != c->server)
		return;
	n = port_number(c->view.head, flow);
	if (n >= c->view.head->n)
		fail_msg("%s: a flow has port %u, which is none of server %u", what, ntohs(flow->nat_port), c->server);
	if (muster_tag_state(tag) == MUSTER_FLOW_CLOSING) {
		c->tally->closed[n] = !(tag & MUSTER_PAIR);
		return;
	}
	c->tally->open[n]++;
	c->tally->marked[n] = tag & MUSTER_MARK;
	c->tally->unheld[n] = tag & MUSTER_PAIR;
}

static void check_port(const char *what, const struct ports_context *c, uint32_t n)
{
	const struct tally *t = c->tally;
	bool held = state_bit(&c->view, n, 0);

	if (t->open[n] > 1)
		fail_msg("%s: %u flows have number %u toward server %u", what, t->open[n], n, c->server);
	if (held != (t->open[n] && !t->unheld[n]))
		fail_msg("%s: number %u toward server %u is %sheld, and %u flows have it", what, n, c->server,
			 held ? "" : "not ", t->open[n]);
	if (t->ringed[n] != !(t->open[n] && !t->marked[n]))
		fail_msg("%s: number %u toward server %u is %u times in the ring (held: %d, marked: %d)", what, n,
			 c->server, t->ringed[n], held, t->marked[n]);
	if (t->closed[n] && !t->open[n] && !state_bit(&c->view, n, 32))
		fail_msg("%s: number %u toward server %u does not linger, but a closed flow has it", what, n,
			 c->server);
}

static void check_ports(const char *what, uint32_t server)
{
	struct ports_context context = {.server = server};

	if (!ports_open(&context.view, server))
		return;
	context.tally = calloc(1, sizeof(*context.tally));
	ring_tally(what, &context.view, context.tally);
	for_each_entry(tally_entry, what, &context);
	for (uint32_t n = 0; n < context.view.head->n; n++)
		check_port(what, &context, n);
	free(context.tally);
	ports_close(&context.view);
}

struct ports_sum ports_sum(uint32_t server)
{
	struct ports_view view;
	struct ports_sum sum = {};

	assert_true(ports_open(&view, server));
	sum.n = view.head->n;
	sum.ringed = ((struct muster_ports_tail *)&view.line[1])->tail - view.head->head;
	for (uint32_t n = 0; n < sum.n; n++)
		sum.held += state_bit(&view, n, 0);
	ports_close(&view);
	return sum;
}

uint64_t live_of(uint32_t server)
{
	uint64_t live = 0;

	assert_int_equal(bpf_map_lookup_elem(map_fd("muster_live"), &server, &live), 0);
	return live;
}

static void check_entry(const char *what, uint32_t ref, uint64_t tag, struct muster_flow *flow, void *context)
{
	uint64_t *live = context, twin_tag;
	const struct muster_flow *twin;

	if (muster_tag_state(tag) == MUSTER_FLOW_TAKEN)
		fail_msg("%s: the entry at %x is being written by nobody", what, ref);
	if (flow->dir == MUSTER_TO_SERVER && (tag & MUSTER_MARK))
		live[flow->server]++;
	if (flow->twin == MUSTER_NOWHERE)
		return;
	twin = &bucket_of(flow->twin)->flow[MUSTER_REF_WAY(flow->twin)];
	twin_tag = bucket_of(flow->twin)->tag[MUSTER_REF_WAY(flow->twin)];
	if (muster_tag_state(twin_tag) == MUSTER_FLOW_FREE || twin->twin != ref || twin->dir == flow->dir)
		fail_msg("%s: the entry at %x (%s, state %u, port %u) has lost its other direction", what, ref,
			 flow->dir == MUSTER_TO_SERVER ? "to server" : "to client", muster_tag_state(tag),
			 ntohs(flow->client_port));
	if (memcmp(&twin->client, &flow->client, sizeof(flow->client)) || twin->client_port != flow->client_port ||
	    twin->server != flow->server || twin->service != flow->service || twin->nat_port != flow->nat_port)
		fail_msg("%s: the two directions at %x and %x are not of one flow", what, ref, flow->twin);
}

void check_whole(const char *what)
{
	uint64_t live[SERVERS] = {};

	for_each_entry(check_entry, what, live);
	for (uint32_t i = 0; i < SERVERS; i++) {
		check_ports(what, i);
		if (live_of(i) != live[i])
			fail_msg("%s: %llu live flows are counted for server %u, and %llu stand", what,
				 (unsigned long long)live_of(i), i, (unsigned long long)live[i]);
	}
}
