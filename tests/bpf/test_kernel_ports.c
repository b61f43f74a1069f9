// SPDX-License-Identifier: GPL-2.0-or-later
/* Source ports toward servers in fullnat: there before the first flow, given back by the scan, and never two flows'. */
#include "test_kernel_table.h"

#include "kernel/port_ring.h"

static struct muster_ports_line *ports_at(uint32_t server)
{
	return inner_memory("muster_ports", server, NULL);
}

static const struct muster_ports *head_of(const struct muster_ports_line *lines)
{
	return (const struct muster_ports *)lines;
}

static __u64 *state_of(struct muster_ports_line *lines, uint32_t n)
{
	uint32_t word = n / MUSTER_PORTS_A_WORD;

	return &lines[MUSTER_PORTS_STATES + word / MUSTER_PORTS_WORDS].word[word % MUSTER_PORTS_WORDS];
}

static bool is_held(struct muster_ports_line *lines, uint32_t n)
{
	return *state_of(lines, n) >> n % MUSTER_PORTS_A_WORD & 1;
}

static bool lingers(struct muster_ports_line *lines, uint32_t n)
{
	return *state_of(lines, n) >> (32 + n % MUSTER_PORTS_A_WORD) & 1;
}

static __u64 *cell_of(struct muster_ports_line *lines, uint64_t turn)
{
	uint64_t at = turn % head_of(lines)->n;

	return &lines[MUSTER_PORTS_STATES + head_of(lines)->state_lines + at / MUSTER_PORTS_WORDS]
			.word[at % MUSTER_PORTS_WORDS];
}

/* Takes a number as the program does, and gives its port. */
static uint16_t take_port(struct muster_ports_line *lines)
{
	struct muster_ports *head = (struct muster_ports *)lines;
	uint64_t turn = head->head++;
	__u64 *cell = cell_of(lines, turn);
	uint32_t n = (uint32_t)*cell;

	assert_int_equal(*cell >> 32, (uint32_t)(turn + 1));
	*cell = (turn + head->n) << 32;
	assert_false(is_held(lines, n));
	*state_of(lines, n) |= 1ULL << n % MUSTER_PORTS_A_WORD;
	assert_true(n < head->range[0].count);
	return (uint16_t)(head->range[0].first + n);
}

/* The number that was given back last. */
static uint32_t last_given_back(struct muster_ports_line *lines)
{
	uint64_t tail = ((struct muster_ports_tail *)(lines + 1))->tail;

	assert_int_equal(*cell_of(lines, tail - 1) >> 32, (uint32_t)tail);
	return (uint32_t)*cell_of(lines, tail - 1);
}

static void set_sources(struct world *w, int server, const char *const *texts)
{
	struct muster_server *record = &w->server[server].record;

	record->sources = 0;
	memset(record->source, 0, sizeof(record->source));
	for (; *texts; texts++)
		record->source[record->sources++] = addr(*texts);
}
#define SOURCES(w, server, ...) set_sources(w, server, (const char *const[]){__VA_ARGS__, NULL})

static void a_server_in_fullnat_has_ports(void **state)
{
	struct world *w = *state;
	struct kernel_ports ports;
	struct muster_config config;

	open_small(w);
	config = read_config();
	ports = ports_of(w, 0);
	assert_int_equal(ports.n, config.ports[0].count + config.ports[1].count);
	assert_int_equal(ports.in_use, 0);
	assert_int_equal(ports_of(w, 5).n, 0);
	assert_true(inner_id("muster_ports", 0) && inner_id("muster_ports", 1));
	/* twice is once */
	uint32_t id = inner_id("muster_ports", 0);
	assert_sync(w, 0, 0, 0);
	assert_int_equal(inner_id("muster_ports", 0), id);
	/* a server that is gone leaves none */
	w->plan.n_servers = 1;
	w->service.n_slots = 1;
	sync_now(w);
	assert_int_equal(inner_id("muster_ports", 1), 0);
	assert_int_equal(ports_of(w, 1).n, 0);
}

static void other_modes_need_none(void **state)
{
	struct world *w = *state;

	must_open(w);
	plan_of_two(w)->flows = FLOWS;
	w->service.record.mode = MUSTER_MODE_NAT;
	sync_now(w);
	assert_int_equal(inner_id("muster_ports", 0), 0);
}

static void the_port_of_a_flow_that_is_over_comes_back(void **state)
{
	struct world *w = *state;
	struct muster_ports_line *lines;
	struct muster_bucket *table;
	uint32_t now;

	open_small(w);
	now = beat_now(w);
	table = table_at(MUSTER_TABLE_A);
	lines = ports_at(0);
	struct pair over = {.n = 0, .state = MUSTER_FLOW_UDP, .seen = now - beats(400), .seen_back = now - beats(400)};
	struct pair live = {.n = 1, .state = MUSTER_FLOW_UDP, .seen = now, .seen_back = now};
	/* it gave its port back when it closed: its mark says so, and the port's state that it lingers */
	struct pair closed = {.n = 2,
			      .state = MUSTER_FLOW_CLOSING,
			      .seen = now - beats(100),
			      .seen_back = now - beats(100),
			      .bits_back = MUSTER_MARK};
	/* of a flood: no bit holds its port, and whose bit that is keeps it */
	struct pair flood = {.n = 3,
			     .state = MUSTER_FLOW_HALF_OPEN,
			     .seen = now - beats(100),
			     .seen_back = now - beats(100),
			     .bits = MUSTER_PAIR,
			     .bits_back = MUSTER_PAIR | MUSTER_MARK};
	over.port = take_port(lines);
	live.port = take_port(lines);
	flood.port = live.port;
	closed.port = over.port + 100;
	*state_of(lines, 100) |= 1ULL << (32 + 100 % MUSTER_PORTS_A_WORD);
	assert_int_equal(ports_of(w, 0).in_use, 2);
	enter_pair(table, MUSTER_TABLE_A, &live);
	enter_pair(table, MUSTER_TABLE_A, &closed);
	enter_pair(table, MUSTER_TABLE_A, &flood);
	enter_pair(table, MUSTER_TABLE_A, &over);
	assert_true(loop_until(
		w, 6000, !entries_of(table, over.n) && !entries_of(table, closed.n) && !entries_of(table, flood.n)));
	assert_int_equal(ports_of(w, 0).in_use, 1);
	assert_int_equal(last_given_back(lines), 0);
	assert_false(is_held(lines, 0));
	assert_true(is_held(lines, 1));
	assert_false(lingers(lines, 100));
	assert_int_equal(entries_of(table, live.n), 2);
}

static void ports_are_adopted(void **state)
{
	struct world *w = *state;
	struct pair p = {.n = 0, .state = MUSTER_FLOW_ESTABLISHED};
	uint32_t id;

	open_small(w);
	p.seen = p.seen_back = beat_now(w);
	p.port = take_port(ports_at(0));
	enter_pair(table_at(MUSTER_TABLE_A), MUSTER_TABLE_A, &p);
	id = inner_id("muster_ports", 0);
	kernel_close(&w->kernel);
	must_open(w);
	assert_sync(w, 0, 0, 0);
	assert_int_equal(inner_id("muster_ports", 0), id);
	assert_int_equal(ports_of(w, 0).in_use, 1);
}

/* A musterd that was killed between putting a map in place and giving its numbers out: nobody would ever get one. */
static void a_map_that_was_left_unfinished_is_made_anew(void **state)
{
	struct world *w = *state;
	struct pair p = {.n = 0, .state = MUSTER_FLOW_ESTABLISHED};
	struct muster_ports_line *lines;
	struct port_ring_shape shape;

	open_small(w);
	lines = ports_at(0);
	p.seen = p.seen_back = beat_now(w);
	p.port = take_port(lines);
	enter_pair(table_at(MUSTER_TABLE_A), MUSTER_TABLE_A, &p);
	memcpy(shape.range, head_of(lines)->range, sizeof(shape.range));
	shape.sources = 1;
	kernel_close(&w->kernel);
	memset(lines, 0, port_ring_lines(port_ring_numbers(&shape)) * sizeof(*lines));
	port_ring_init(lines, &shape, 0);
	must_open(w);
	assert_int_equal(ports_of(w, 0).in_use, ports_of(w, 0).n);
	assert_sync(w, 0, 0, 0);
	assert_int_equal(ports_of(w, 0).in_use, 1);
}

/* More source addresses make a new map: live flows keep their ports, and nobody else gets them. */
static void a_new_map_knows_the_flows(void **state)
{
	struct world *w = *state;
	struct muster_ports_line *lines;
	struct muster_bucket *table;
	uint32_t now, n;

	must_open(w);
	plan_of_two(w)->flows = FLOWS;
	SOURCES(w, 0, "10.99.0.1");
	SOURCES(w, 1, "10.99.0.1");
	sync_now(w);
	now = beat_now(w);
	table = table_at(MUSTER_TABLE_A);
	lines = ports_at(0);
	n = head_of(lines)->n;
	struct pair live = {.n = 0, .state = MUSTER_FLOW_ESTABLISHED, .seen = now, .seen_back = now};
	struct pair closing = {
		.n = 1, .state = MUSTER_FLOW_CLOSING, .seen = now, .seen_back = now, .bits_back = MUSTER_MARK};
	/* a flow that was closed and came back: its port waits in the ring all the same */
	struct pair restored = {
		.n = 2, .state = MUSTER_FLOW_ESTABLISHED, .seen = now, .seen_back = now, .bits_back = MUSTER_MARK};
	/* of a flood: its port is anybody's, and waits in the ring */
	struct pair flood = {.n = 3,
			     .state = MUSTER_FLOW_HALF_OPEN,
			     .seen = now,
			     .seen_back = now,
			     .bits = MUSTER_PAIR,
			     .bits_back = MUSTER_PAIR | MUSTER_MARK};
	live.port = head_of(lines)->range[0].first + 10;
	closing.port = live.port + 1;
	restored.port = live.port + 2;
	flood.port = live.port + 3;
	enter_pair(table, MUSTER_TABLE_A, &live);
	enter_pair(table, MUSTER_TABLE_A, &closing);
	enter_pair(table, MUSTER_TABLE_A, &restored);
	enter_pair(table, MUSTER_TABLE_A, &flood);
	SOURCES(w, 0, "10.99.0.1", "10.99.0.7");
	sync_now(w);
	lines = ports_at(0);
	assert_int_equal(ports_of(w, 0).n, 2 * n);
	assert_int_equal(ports_of(w, 0).in_use, 1);
	assert_true(is_held(lines, 10) && !lingers(lines, 10));
	assert_true(!is_held(lines, 11) && lingers(lines, 11));
	assert_true(is_held(lines, 12) && !lingers(lines, 12));
	assert_true(!is_held(lines, 13) && !lingers(lines, 13));
	for (uint64_t turn = 0; turn < 2 * n - 1; turn++)
		assert_true((uint32_t)*cell_of(lines, turn) != 10);
	/* the flow's own address kept its index: it goes on */
	assert_int_equal(read_server(0).generation, 1);
}

static void numbers_that_got_lost_are_found(void **state)
{
	struct world *w = *state;

	open_small(w);
	(void)take_port(ports_at(0)); /* and no flow has it */
	assert_int_equal(ports_of(w, 0).in_use, 1);
	if (!loop_until(w, 30000, ports_of(w, 0).in_use == 0))
		fail_msg("a number that no flow has is still not given out after 30 s");
	assert_false(is_held(ports_at(0), 0));
}

static void a_source_that_goes_ends_its_flows(void **state)
{
	struct world *w = *state;
	const struct muster_addr second = addr("10.99.0.7"), third = addr("10.99.0.8");

	must_open(w);
	plan_of_two(w)->flows = FLOWS;
	SOURCES(w, 0, "10.99.0.1", "10.99.0.7");
	sync_now(w);
	/* another order is no change */
	SOURCES(w, 0, "10.99.0.7", "10.99.0.1");
	assert_sync(w, 0, 0, 0);
	assert_int_equal(read_server(0).generation, 1);
	assert_true(address_equal(&read_server(0).source[1], &second));
	/* one more, named first: the others keep their places */
	SOURCES(w, 0, "10.99.0.8", "10.99.0.7", "10.99.0.1");
	sync_now(w);
	assert_int_equal(read_server(0).generation, 1);
	assert_true(address_equal(&read_server(0).source[1], &second));
	assert_true(address_equal(&read_server(0).source[2], &third));
	/* the first one goes */
	SOURCES(w, 0, "10.99.0.8", "10.99.0.7");
	sync_now(w);
	assert_int_equal(read_server(0).generation, 2);
	assert_int_equal(read_server(0).sources, 2);
	assert_true(address_equal(&read_server(0).source[1], &second));
	assert_sync(w, 0, 0, 0);
	/* the plan's own raise comes on top */
	w->server[0].record.generation = 2;
	sync_now(w);
	assert_int_equal(read_server(0).generation, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_world(a_server_in_fullnat_has_ports),
		test_in_world(other_modes_need_none),
		test_in_world(the_port_of_a_flow_that_is_over_comes_back),
		test_in_world(ports_are_adopted),
		test_in_world(a_map_that_was_left_unfinished_is_made_anew),
		test_in_world(a_new_map_knows_the_flows),
		test_in_world(numbers_that_got_lost_are_found),
		test_in_world(a_source_that_goes_ends_its_flows),
	};

	return cmocka_run_group_tests_name("kernel_ports", tests, NULL, NULL);
}
