/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the flows of a flood stand, which of them give way, what that says about the flood, and what is left afterwards. */
#include "kernel/ticks.h"
#include "test_flood.h"

#define BUCKETS  32
#define PAIRS    (MUSTER_WAYS / 2)
#define ASKED    400
#define FIRST    1000
#define SERVICES 8
#define CLIENTS  64
#define FOREIGN  4444 /* a client's port that is no honest one's */

/* The flood ends so many ticks from now, and has pushed nothing out yet. */
static void flood_ends(int ticks_ahead)
{
	struct muster_flood flood = {};
	struct ticks ticks;
	uint32_t zero = 0;

	assert_int_equal(ticks_open(&ticks), 0);
	flood.until = (ticks_now(&ticks) + ticks_ahead) | 1;
	ticks_close(&ticks);
	map_put("muster_flood", &zero, &flood);
}

static uint64_t pushed_out(void)
{
	struct muster_flood flood = {};
	uint32_t zero = 0;

	assert_int_equal(bpf_map_lookup_elem(map_fd("muster_flood"), &zero, &flood), 0);
	return flood.evicted;
}

/* In fullnat the source port says the bucket: as many client ports as it has pairs, and one more, that share one. */
static void of_one_bucket(uint16_t port[PAIRS + 1])
{
	static uint16_t last[BUCKETS][PAIRS + 1];
	static struct way ways[BUCKETS][PAIRS + 1];
	unsigned n[BUCKETS] = {}, k;

	for (unsigned i = 0; i < ASKED; i++) {
		struct packet syn = from_client(FIRST + i, SYN);
		struct way way;
		unsigned bucket;

		tables_clear();
		way = ask(&syn, "a SYN");
		bucket = way.port % BUCKETS;
		for (k = 0;
		     k < n[bucket] && (ways[bucket][k].server != way.server || ways[bucket][k].port != way.port);)
			k++;
		if (k < n[bucket])
			continue; /* two of one port push each other out */
		ways[bucket][k] = way;
		last[bucket][n[bucket]++] = syn.sport;
		if (n[bucket] > PAIRS) {
			memcpy(port, last[bucket], sizeof(last[bucket]));
			tables_clear();
			return;
		}
	}
	fail_msg("no %u of %u clients share a bucket", PAIRS + 1, ASKED);
}

/* Which of the bucket's flows gives way to one more; each is that many beats old. */
static unsigned gave_way(const uint16_t *port, const uint32_t *age, const uint8_t *flags)
{
	unsigned gone = PAIRS, n = 0;
	struct packet packet;
	struct found found;

	tables_clear();
	for (unsigned i = 0; i < PAIRS; i++) {
		packet = from_client(port[i], SYN);
		ask(&packet, "a SYN");
		packet = from_client(port[i], flags[i]);
		if (flags[i])
			ask(&packet, "what follows it");
		flow_age(&packet, age[i]);
	}
	packet = from_client(port[PAIRS], SYN);
	ask(&packet, "one more");
	pair_of(&packet);
	for (unsigned i = 0; i < PAIRS; i++) {
		packet = from_client(port[i], SYN);
		if (!flow_get(&packet, &found)) {
			gone = i;
			n++;
		}
	}
	assert_int_equal(n, 1);
	check_whole("after a flow gave way");
	return gone;
}

static void test_the_oldest_pair_gives_way_and_closed_ones_first(void **state)
{
	static const uint32_t age[] = {10, 20, 40, 30};
	static const uint8_t none[PAIRS], closed[PAIRS] = {0, RST, 0, 0};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		uint16_t port[PAIRS + 1];

		flood_in(i);
		of_one_bucket(port);
		assert_int_equal(gave_way(port, age, none), 2);
		assert_int_equal(gave_way(port, age, closed), 1);
	}
}

/* A bucket that is full of flows that are worth more. */
static struct muster_bucket *fill_bucket(const struct found *of)
{
	struct muster_bucket *bucket = &table_buckets_of(MUSTER_TABLE_HALF_OPEN)[MUSTER_REF_BUCKET(of->ref)];
	uint64_t seen = *of->tag & MUSTER_SEEN_MASK;

	tables_clear();
	for (unsigned k = 0; k < MUSTER_WAYS; k++) {
		bucket->tag[k] = seen | (uint64_t)MUSTER_FLOW_ESTABLISHED << MUSTER_STATE_SHIFT;
		bucket->flow[k] = (struct muster_flow){.server = 20, .twin = MUSTER_NOWHERE};
	}
	return bucket;
}

/* The flood's flow stands elsewhere then, and they stay; where its other bucket is the same one, there is no room for it. */
static void test_a_full_bucket_is_left_alone(void **state)
{
	unsigned stood = 0;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		flood_in(i);
		for (unsigned k = 0; k < PAIRS; k++) {
			struct packet syn = from_client(FIRST + k, SYN), back;
			struct way way = ask(&syn, "a SYN");
			struct found found = pair_of(&syn);
			struct muster_bucket *bucket = fill_bucket(&found), before = *bucket;
			struct frame in, out;

			if (run_quick(front, packet_build(&in, &syn), &out) == XDP_REDIRECT && flow_get(&syn, &found)) {
				back = answer(way, SYN | ACK, 0);
				expect("the answer", &back, MUSTER_VERDICT_TO_CLIENT, NULL);
				stood++;
			}
			for (unsigned w = 0; w < MUSTER_WAYS; w++)
				assert_int_equal(bucket->tag[w] & ~MUSTER_SPILL, before.tag[w] & ~MUSTER_SPILL);
			check_whole("after a full bucket");
			for (uint32_t server = 1; server <= 2; server++)
				ports_put(server, PORT_FIRST, PORT_COUNT, 1);
			tables_clear();
		}
	}
	assert_true(stood >= PAIRS);
}

/* The SYN of another client, number n: its checksums are made anew. */
static struct frame *syn_of(struct frame *frame, uint16_t port, uint16_t n)
{
	struct packet syn = from_client(port, SYN);
	uint8_t *ip = packet_build(frame, &syn)->data + 14, *tcp = ip + 20;
	size_t size = frame->size - 34;

	put16(ip + 14, n);
	put16(ip + 10, 0);
	put16(ip + 10, sum_finish(sum_bytes(ip, 20, 0)));
	put16(tcp + 16, 0);
	put16(tcp + 16, sum_finish(sum_bytes(tcp, size, sum_bytes(ip + 12, 8, IPPROTO_TCP + size))));
	return frame;
}

/* Nobody outside says in which bucket a flow stands: not in nat either, by the client's port. */
static void test_no_bucket_is_aimed_at(void **state)
{
	unsigned stand;

	(void)state;
	for (unsigned i = 0; i < 3; i += 2) {
		flood_in(i);
		for (unsigned n = 0; n < CLIENTS; n++) {
			struct frame in, out;

			assert_int_equal(run_quick(front, syn_of(&in, FOREIGN, 1000 + n), &out), XDP_REDIRECT);
		}
		stand = flow_count_in(MUSTER_TABLE_HALF_OPEN) / MUSTER_ENTRIES_A_FLOW;
		/* Half as many as there is room for, thrown at random: of 32 buckets with 4 places few get more than 4. */
		if (stand < CLIENTS * 3 / 4)
			fail_msg("of %u flows that clients open by one port %u stand, in a table for %u", CLIENTS,
				 stand, BUCKETS * PAIRS);
		check_whole("after many clients with one port");
	}
}

/* In nat what one client opens by one port stands in one bucket: that this one overflows is no flood. */
static void test_one_clients_port_is_no_flood(void **state)
{
	(void)state;
	flood_in(2);
	for (unsigned i = 0; i < SERVICES; i++) {
		struct muster_service service =
			service_make(VIP, 4, IPPROTO_TCP, SERVICE_PORT + 1 + i, MUSTER_MODE_NAT);
		struct muster_server server = server_make(5 + i, WEB_01, 4, SERVER_PORT + 1 + i);
		int slots[] = {20 + i, -1};

		service_put(5 + i, &service);
		server_put(20 + i, &server);
		picks_put(5 + i, slots);
	}
	/* The first one to a service goes the long way, and says which it is (bpf/service.h). */
	for (unsigned n = 0; n < CLIENTS; n++) {
		bool first = !n;

		tables_clear();
		flood_ends(1 << 20);
		for (unsigned i = 0; i < 3 * SERVICES; i++) {
			struct packet syn = from_client(FIRST + n, SYN);

			syn.dport += 1 + i % SERVICES;
			ask(&syn, "a SYN to one of many services");
		}
		assert_true(first || flow_count_in(MUSTER_TABLE_HALF_OPEN) == MUSTER_WAYS);
		assert_int_equal(pushed_out(), 0);
		check_whole("after one client's flows to many services");
	}
}

/* Client ports to each of which the hash gives a source port of its own; how many. */
static unsigned no_rivals(uint16_t port[ASKED])
{
	bool taken[2][PORT_COUNT] = {};
	unsigned n = 0;

	for (unsigned i = 0; i < ASKED; i++) {
		struct packet syn = from_client(FIRST + i, SYN);
		struct way way;
		bool *its;

		tables_clear();
		way = ask(&syn, "a SYN");
		its = &taken[server_of(way) - 1][number_of(way)];
		if (!*its)
			port[n++] = syn.sport;
		*its = true;
	}
	tables_clear();
	return n;
}

/* When it is over, what it left keeps no port for longer than a handshake takes. */
static void test_what_is_left_gives_its_port_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		uint16_t port[ASKED];
		struct packet syn;
		unsigned n;

		flood_in(i);
		for (uint32_t server = 1; server <= 2; server++)
			ports_put(server, PORT_FIRST, BUCKETS, 1);
		n = no_rivals(port);
		assert_true(n > BUCKETS);
		for (uint32_t server = 1; server <= 2; server++)
			ports_put(server, PORT_FIRST, BUCKETS, 1);
		for (unsigned k = 0; k < n; k++) {
			syn = from_client(port[k], SYN);
			ask(&syn, "a SYN of the flood");
			pair_of(&syn);
		}
		flood_ends(-2);
		for (unsigned k = 0; k < n; k++) {
			syn = from_client(port[k], SYN);
			flow_age(&syn, 1U << 20);
		}
		for (unsigned k = 0; k < 2 * BUCKETS; k++) {
			syn = from_client(FOREIGN + k, SYN);
			ask(&syn, "a SYN after it");
		}
		check_whole("after a flood");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_oldest_pair_gives_way_and_closed_ones_first),
		cmocka_unit_test(test_a_full_bucket_is_left_alone),
		cmocka_unit_test(test_no_bucket_is_aimed_at),
		cmocka_unit_test(test_one_clients_port_is_no_flood),
		cmocka_unit_test(test_what_is_left_gives_its_port_back),
	};

	table_buckets = BUCKETS;
	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
