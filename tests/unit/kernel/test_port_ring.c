// SPDX-License-Identifier: GPL-2.0-or-later
/* The source ports' memory, as the agent writes it beside the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kernel/port_ring.h"

static const struct port_ring_shape shape = {.range = {{1024, 50}, {61000, 20}}, .sources = 2};

#define NUMBERS 140

static struct muster_ports_line *new_ring(void)
{
	struct muster_ports_line *lines = calloc(port_ring_lines(NUMBERS), sizeof(*lines));

	assert_int_equal(port_ring_numbers(&shape), NUMBERS);
	port_ring_init(lines, &shape, 3);
	return lines;
}

static __u64 *cell_of(struct muster_ports_line *lines, uint64_t turn)
{
	uint32_t at = turn % NUMBERS, states = ((struct muster_ports *)lines)->state_lines;

	return &lines[MUSTER_PORTS_STATES + states + at / MUSTER_PORTS_WORDS].word[at % MUSTER_PORTS_WORDS];
}

/* The next number, as the program takes it; PORT_RING_NONE: the ring is empty. */
static uint32_t pop(struct muster_ports_line *lines)
{
	struct muster_ports *head = (struct muster_ports *)lines;
	__u64 *cell = cell_of(lines, head->head);
	uint32_t n = (uint32_t)*cell;

	if (*cell >> 32 != (uint32_t)(head->head + 1))
		return PORT_RING_NONE;
	*cell = (__u64)(uint32_t)(head->head + NUMBERS) << 32;
	head->head++;
	return n;
}

static bool held(struct muster_ports_line *lines, uint32_t n)
{
	return lines[MUSTER_PORTS_STATES].word[n / MUSTER_PORTS_A_WORD] >> n % MUSTER_PORTS_A_WORD & 1;
}

static void nobody_gets_a_port_before_they_are_given_out(void **state)
{
	struct muster_ports_line *lines = new_ring();

	(void)state;
	assert_true(port_ring_fits(lines, port_ring_lines(NUMBERS), &shape));
	assert_false(port_ring_fits(lines, port_ring_lines(NUMBERS), &(struct port_ring_shape){.sources = 2}));
	assert_int_equal(port_ring_waiting(lines), 0);
	assert_int_equal(pop(lines), PORT_RING_NONE);
	assert_int_equal(port_ring_early(lines), 3);
	for (uint32_t n = 0; n < NUMBERS; n++)
		assert_true(held(lines, n));
	free(lines);
}

static void what_flows_hold_is_not_given_out(void **state)
{
	struct muster_ports_line *lines = new_ring();
	uint32_t in_use[5] = {1 << 7, 0, 1}, ringed[5] = {0, 0, 1}, seen[NUMBERS] = {0}, n;

	(void)state;
	port_ring_hand_out(lines, in_use, ringed);
	assert_int_equal(port_ring_waiting(lines), NUMBERS - 1);
	assert_true(held(lines, 7) && held(lines, 64));
	while ((n = pop(lines)) != PORT_RING_NONE)
		seen[n]++;
	for (n = 0; n < NUMBERS; n++)
		assert_int_equal(seen[n], n != 7);
	free(lines);
}

static void ports_have_numbers_by_source(void **state)
{
	struct muster_ports_line *lines = new_ring();

	(void)state;
	assert_int_equal(port_ring_number(lines, 0, 1024), 0);
	assert_int_equal(port_ring_number(lines, 0, 1073), 49);
	assert_int_equal(port_ring_number(lines, 0, 61000), 50);
	assert_int_equal(port_ring_number(lines, 1, 1024), 70);
	assert_int_equal(port_ring_number(lines, 1, 61019), 139);
	assert_int_equal(port_ring_number(lines, 2, 1024), PORT_RING_NONE);
	assert_int_equal(port_ring_number(lines, 0, 1074), PORT_RING_NONE);
	assert_int_equal(port_ring_number(lines, 0, 61020), PORT_RING_NONE);
	assert_int_equal(port_ring_number(lines, 0, 80), PORT_RING_NONE);
	free(lines);
}

static void ports_come_back_in_their_order(void **state)
{
	struct muster_ports_line *lines = new_ring();
	uint32_t none[5] = {0};

	(void)state;
	port_ring_hand_out(lines, none, none);
	/* thrice round the ring: the oldest comes first, always */
	for (uint32_t turn = 0; turn < 3 * NUMBERS; turn++) {
		uint32_t n = pop(lines), at = n % 70;

		assert_int_equal(n, turn % NUMBERS);
		port_ring_end(lines, n / 70, (uint16_t)(at < 50 ? 1024 + at : 61000 + at - 50), false, false);
		assert_false(held(lines, n));
		assert_int_equal(port_ring_waiting(lines), NUMBERS);
	}
	free(lines);
}

static void a_closed_flow_gives_nothing_back_twice(void **state)
{
	struct muster_ports_line *lines = new_ring();
	uint32_t in_use[5] = {1 << 3}, none[5] = {0};

	(void)state;
	port_ring_hand_out(lines, in_use, none);
	port_ring_linger(lines, 4);
	port_ring_end(lines, 0, 1024 + 4, true, true);
	assert_int_equal(lines[MUSTER_PORTS_STATES].word[0], 1 << 3);
	assert_int_equal(port_ring_waiting(lines), NUMBERS - 1);
	/* one that the ring has already is free, and no second time in it */
	port_ring_end(lines, 0, 1024 + 3, false, true);
	assert_false(held(lines, 3));
	assert_int_equal(port_ring_waiting(lines), NUMBERS - 1);
	/* a port of nobody is nobody's business */
	port_ring_end(lines, 0, 80, false, false);
	assert_int_equal(port_ring_waiting(lines), NUMBERS - 1);
	free(lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_gets_a_port_before_they_are_given_out),
		cmocka_unit_test(what_flows_hold_is_not_given_out),
		cmocka_unit_test(ports_have_numbers_by_source),
		cmocka_unit_test(ports_come_back_in_their_order),
		cmocka_unit_test(a_closed_flow_gives_nothing_back_twice),
	};

	return cmocka_run_group_tests_name("port_ring", tests, NULL, NULL);
}
