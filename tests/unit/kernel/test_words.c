// SPDX-License-Identifier: GPL-2.0-or-later
/* The pure remainder: ticks, who holds a lock, announcement frames. */
#include <setjmp.h>
#include <stddef.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "address.h"
#include "kernel/announce.h"
#include "kernel/pins.h"
#include "kernel/ticks.h"

static void milliseconds_become_ticks(void **state)
{
	(void)state;
	assert_int_equal(ticks_per_s(4000000), 250);
	assert_int_equal(ticks_per_s(3333333), 300);
	assert_int_equal(ticks_per_s(1000000), 1000);
	assert_int_equal(ticks_from_ms(0, 250), 0);
	assert_int_equal(ticks_from_ms(1, 250), 1);
	assert_int_equal(ticks_from_ms(60000, 250), 15000);
	assert_int_equal(ticks_from_ms(UINT32_MAX, 1000), UINT32_MAX / 2);
}

static void holder_is_found_in_proc_locks(void **state)
{
	static const char locks[] = "1: POSIX  ADVISORY  WRITE 11 00:27:42225 0 EOF\n"
				    "2: FLOCK  ADVISORY  WRITE 22 00:28:42225 0 EOF\n"
				    "3: FLOCK  ADVISORY  WRITE 33 00:27:42225 0 EOF\n";

	(void)state;
	assert_int_equal(pins_lock_holder(locks, 0, 0x27, 42225), 33);
	assert_int_equal(pins_lock_holder(locks, 0, 0x27, 42226), 0);
	assert_int_equal(pins_lock_holder("", 0, 0, 0), 0);
}

/* A sum over the pseudo-header and the message, checksum included, is 0xffff (RFC 1071). */
static uint32_t sum_of(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	return sum;
}

static void announcements_are_well_formed(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	uint8_t frame[ANNOUNCE_FRAME_SIZE];
	struct muster_addr addr;
	uint32_t sum;

	(void)state;
	assert_int_equal(address_parse("10.0.0.9", &addr), 0);
	assert_int_equal(announce_frame(mac, &addr, frame), 42);
	assert_memory_equal(frame + 28, "\x0a\x00\x00\x09", 4); /* sender = target */
	assert_memory_equal(frame + 38, "\x0a\x00\x00\x09", 4);
	assert_int_equal(address_parse("fd00::9", &addr), 0);
	assert_int_equal(announce_frame(mac, &addr, frame), 86);
	sum = sum_of(frame + 22, 32) + 32 + 58 + sum_of(frame + 54, 32);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(milliseconds_become_ticks),
		cmocka_unit_test(holder_is_found_in_proc_locks),
		cmocka_unit_test(announcements_are_well_formed),
	};

	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
