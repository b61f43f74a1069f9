/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two CPUs at the same few flows: every entry, port and count must come out whole, and whatever is forwarded meanwhile is one
 * flow's alone. MUSTER_RACE_ROUNDS=N for more rounds than fit a test run.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "harness.h"
#include "kernel/ticks.h"

#define TUPLES     12 /* client ports: few, so that the CPUs meet */
#define PORTS      24 /* source ports toward a server: so few that they come round */
#define BURST      400
#define ISN        5000
#define CPUS       2
#define FIRST_PORT 1000

static unsigned rounds(unsigned usual)
{
	const char *wish = getenv("MUSTER_RACE_ROUNDS");

	return wish ? strtoul(wish, NULL, 10) : usual;
}

struct runner {
	pthread_t thread;
	unsigned cpu, seed, packets;
	void (*turn)(struct runner *runner);
	char fault[200]; /* what it saw that may not be */
	unsigned forwarded, refused;
};

static pthread_barrier_t start;
static int family, mode;

static void *runner_main(void *arg)
{
	struct runner *runner = arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(runner->cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	pthread_barrier_wait(&start);
	for (unsigned i = 0; i < runner->packets && !*runner->fault; i++)
		runner->turn(runner);
	return NULL;
}

/* Both CPUs at once, `packets` each. */
static void race(void (*turn)(struct runner *), unsigned packets, unsigned seed, struct runner *runners)
{
	pthread_barrier_init(&start, NULL, CPUS);
	for (unsigned i = 0; i < CPUS; i++) {
		runners[i] = (struct runner){.cpu = i, .seed = seed * CPUS + i, .packets = packets, .turn = turn};
		assert_int_equal(pthread_create(&runners[i].thread, NULL, runner_main, &runners[i]), 0);
	}
	for (unsigned i = 0; i < CPUS; i++)
		pthread_join(runners[i].thread, NULL);
	pthread_barrier_destroy(&start);
	for (unsigned i = 0; i < CPUS; i++)
		if (*runners[i].fault)
			fail_msg("seed %u: %s", seed, runners[i].fault);
}

static unsigned draw(struct runner *runner, unsigned below)
{
	return rand_r(&runner->seed) / 7 % below;
}

static struct packet client_packet(unsigned tuple, uint8_t flags, uint32_t seq, unsigned payload)
{
	return (struct packet){.family = family,
			       .from = tuple % 2 ? CLIENT_B : CLIENT,
			       .to = VIP,
			       .sport = FIRST_PORT + tuple,
			       .dport = SERVICE_PORT,
			       .flags = flags,
			       .seq = seq,
			       .ack = flags & ACK ? ISN + 1 : 0,
			       .payload = payload};
}

static struct packet server_packet(unsigned server, unsigned tuple, unsigned port, uint8_t flags, unsigned payload)
{
	return (struct packet){.family = family,
			       .from = server ? WEB_02 : WEB_01,
			       .to = mode == MUSTER_MODE_FULLNAT ? SOURCE
				     : tuple % 2                 ? CLIENT_B
								 : CLIENT,
			       .sport = SERVER_PORT,
			       .dport = mode == MUSTER_MODE_FULLNAT ? PORT_FIRST + port : FIRST_PORT + tuple,
			       .flags = flags,
			       .seq = ISN,
			       .ack = 101,
			       .payload = payload};
}

static bool checksums_good(const struct frame *frame)
{
	const uint8_t *ip = frame->data + 14, *l4 = ip + (family == 6 ? 40 : 20);
	size_t size = family == 6 ? get16(ip + 4) : get16(ip + 2) - 20U;
	uint32_t sum = sum_bytes(family == 6 ? ip + 8 : ip + 12, family == 6 ? 32 : 8, IPPROTO_TCP + size);

	return sum_finish(sum_bytes(l4, size, sum)) == 0 && (family == 6 || sum_finish(sum_bytes(ip, 20, 0)) == 0);
}

/* Where a frame says that it goes: the last byte of its destination's address, and its port. */
static unsigned last_octet(const struct frame *frame)
{
	return frame->data[14 + (family == 6 ? 39 : 19)];
}

static unsigned octet_of(enum role role)
{
	return ((const uint8_t *)role_addr(role, family))[15];
}

/* A packet that went on: is it whole, and for one who may get it? */
static void look_at(struct runner *runner, const struct frame *out, const char *what)
{
	const uint8_t *tcp = out->data + 14 + (family == 6 ? 40 : 20);
	unsigned octet = last_octet(out), dport = get16(tcp + 2);
	bool to_server = octet == octet_of(WEB_01) || octet == octet_of(WEB_02);
	bool to_client = octet == octet_of(CLIENT) || octet == octet_of(CLIENT_B);

	if (!checksums_good(out))
		snprintf(runner->fault, sizeof(runner->fault), "%s went on with a wrong checksum", what);
	else if (to_server ? dport != SERVER_PORT : !to_client || dport - FIRST_PORT >= TUPLES)
		snprintf(runner->fault, sizeof(runner->fault), "%s went to .%u, port %u", what, octet, dport);
	else if (to_client && octet != octet_of((dport - FIRST_PORT) % 2 ? CLIENT_B : CLIENT))
		snprintf(runner->fault, sizeof(runner->fault), "%s went to another client's port %u", what, dport);
	else if (to_server && (out->data[5] == role_mac(WEB_01)[5]) != (octet == octet_of(WEB_01)))
		snprintf(runner->fault, sizeof(runner->fault), "%s has one server's address, and another's link", what);
	runner->forwarded++;
}

/* `what` NULL: nobody looks at what comes of it. */
static void put(struct runner *runner, const struct packet *packet, const char *what)
{
	bool answer = packet->from == WEB_01 || packet->from == WEB_02;
	struct frame in, out;
	int action = run_quick(answer ? back : front, packet_build(&in, packet), &out);

	if (action == XDP_REDIRECT && what)
		look_at(runner, &out, what);
	else if (action != XDP_DROP && action != XDP_PASS)
		snprintf(runner->fault, sizeof(runner->fault), "%s ended with XDP action %d", what, action);
}

/* Anything that clients and servers may send, in any order. */
static void anything(struct runner *runner)
{
	static const uint8_t client_flags[] = {SYN, SYN, SYN, ACK, ACK, ACK, ACK, FIN | ACK, RST};
	static const uint8_t server_flags[] = {SYN | ACK, SYN | ACK, SYN | ACK, ACK, ACK, FIN | ACK, RST | ACK};
	unsigned tuple = draw(runner, TUPLES), payload = draw(runner, 2) * 8;
	struct packet packet;

	if (draw(runner, 2)) {
		uint8_t flags = client_flags[draw(runner, sizeof(client_flags))];

		packet = client_packet(tuple, flags, 100 + draw(runner, 3), payload);
		put(runner, &packet, "a client's segment");
	} else {
		packet = server_packet(draw(runner, 2), tuple, draw(runner, PORTS),
				       server_flags[draw(runner, sizeof(server_flags))], payload);
		put(runner, &packet, "a server's segment");
	}
}

/* Every flow is over, and its client's next packets say so: nothing may be left of it. */
static void end_all(void)
{
	struct runner alone = {};

	for (int t = MUSTER_TABLE_HALF_OPEN; t <= MUSTER_TABLE_A; t++)
		for (unsigned b = 0; b < table_buckets; b++)
			for (unsigned w = 0; w < MUSTER_WAYS; w++)
				entry_age(&(struct found){.tag = &table_buckets_of(t)[b].tag[w]}, FOREVER + 100);
	for (unsigned i = 0; i < 2 * TUPLES; i++) {
		struct packet late = client_packet(i % TUPLES, ACK, 101, 0);

		put(&alone, &late, NULL);
	}
}

static void pool(enum muster_mode wanted, int wanted_family)
{
	struct muster_service service;

	bench_reset(NULL);
	family = wanted_family;
	mode = wanted;
	pool_make(family, mode);
	service = service_make(VIP, family, IPPROTO_TCP, SERVICE_PORT, mode);
	service.scheduler = MUSTER_SCHEDULER_LEAST_CONNECTIONS;
	service_put(WEB, &service);
	for (unsigned i = 0; i < 2; i++) {
		struct muster_server server = server_make(WEB, i ? WEB_02 : WEB_01, family, SERVER_PORT);

		server.weight_effective = 100;
		server_put(1 + i, &server);
		if (mode == MUSTER_MODE_FULLNAT)
			ports_put(1 + i, PORT_FIRST, PORTS, 1);
	}
}

/* Until then, in ticks from now, SYNs are those of a flood; negative: there was one. 0: there is none, nor was there. */
static void flood_for(int ticks_ahead)
{
	struct muster_flood flood = {};
	struct ticks ticks;
	uint32_t zero = 0;

	assert_int_equal(ticks_open(&ticks), 0);
	if (ticks_ahead)
		flood.until = (ticks_now(&ticks) + ticks_ahead) | 1;
	ticks_close(&ticks);
	map_put("muster_flood", &zero, &flood);
}

static void chaos(enum muster_mode wanted, int wanted_family, int flood)
{
	struct runner runners[CPUS];
	unsigned forwarded = 0;

	pool(wanted, wanted_family);
	flood_for(flood);
	for (unsigned i = 0; i < rounds(60); i++) {
		char what[64];

		snprintf(what, sizeof(what), "round %u, mode %d", i, mode);
		race(anything, BURST, i, runners);
		forwarded += runners[0].forwarded + runners[1].forwarded;
		check_whole(what);
	}
	assert_true(forwarded > rounds(60) * BURST / 10);
	flood_for(flood ? -2 : 0);
	end_all();
	check_whole("after the end of every flow");
	assert_int_equal(flow_count(), 0);
	for (uint32_t server = 1; server <= 2; server++) {
		assert_int_equal(live_of(server), 0);
		if (mode != MUSTER_MODE_FULLNAT)
			continue;
		assert_int_equal(ports_sum(server).held, 0);
		assert_int_equal(ports_sum(server).ringed, PORTS);
	}
}

static void test_anything_from_two_cpus_in_fullnat(void **state)
{
	(void)state;
	chaos(MUSTER_MODE_FULLNAT, 4, 0);
	chaos(MUSTER_MODE_FULLNAT, 6, 0);
}

static void test_anything_from_two_cpus_in_a_flood(void **state)
{
	(void)state;
	chaos(MUSTER_MODE_FULLNAT, 4, 1 << 24);
	chaos(MUSTER_MODE_FULLNAT, 6, 1 << 24);
	chaos(MUSTER_MODE_NAT, 4, 1 << 24);
	chaos(MUSTER_MODE_NAT, 6, 1 << 24);
}

static void test_anything_from_two_cpus_in_nat(void **state)
{
	(void)state;
	chaos(MUSTER_MODE_NAT, 4, 0);
	chaos(MUSTER_MODE_NAT, 6, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_anything_from_two_cpus_in_fullnat),
		cmocka_unit_test(test_anything_from_two_cpus_in_a_flood),
		cmocka_unit_test(test_anything_from_two_cpus_in_nat),
	};

	table_buckets = 16; /* fewer than PORTS: a port lies in each (bpf/opening.h) */
	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
