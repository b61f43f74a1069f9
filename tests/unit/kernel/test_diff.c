// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdarg.h>

#include <cmocka.h>

#include "address.h"
#include "kernel/diff.h"

static struct vip_entry entry(const char *address, uint16_t port, uint32_t service)
{
	struct vip_entry out = {.service = service, .vip = {.port = htons(port), .proto = IPPROTO_TCP}};

	assert_int_equal(address_parse(address, &out.vip.addr), 0);
	return out;
}

static void equal_sides_differ_in_nothing(void **state)
{
	struct vip_entry have[] = {entry("10.0.0.1", 80, 0), entry("fd00::1", 80, 1)};
	struct vip_entry want[] = {entry("fd00::1", 80, 1), entry("10.0.0.1", 80, 0)};
	struct vip_change changes[4];

	(void)state;
	assert_int_equal(diff_sort(have, 2), 2);
	assert_int_equal(diff_sort(want, 2), 2);
	assert_int_equal(diff_vips(have, 2, want, 2, changes), 0);
	assert_int_equal(diff_vips(NULL, 0, NULL, 0, changes), 0);
}

static void each_kind_of_change_is_found(void **state)
{
	struct vip_entry have[] = {entry("10.0.0.1", 80, 0), entry("10.0.0.2", 80, 1), entry("10.0.0.4", 80, 3)};
	struct vip_entry want[] = {entry("10.0.0.2", 80, 7), entry("10.0.0.3", 80, 2), entry("10.0.0.4", 80, 3)};
	struct vip_change changes[6];

	(void)state;
	assert_int_equal(diff_vips(have, diff_sort(have, 3), want, diff_sort(want, 3), changes), 3);
	assert_int_equal(changes[0].kind, VIP_REMOVE);
	assert_int_equal(changes[0].entry.service, 0);
	assert_int_equal(changes[1].kind, VIP_CHANGE);
	assert_int_equal(changes[1].entry.service, 7);
	assert_int_equal(changes[2].kind, VIP_ADD);
	assert_int_equal(changes[2].entry.service, 2);
}

static void repeated_keys_are_one(void **state)
{
	struct vip_entry entries[] = {entry("10.0.0.1", 80, 0), entry("10.0.0.1", 443, 1), entry("10.0.0.1", 80, 0)};

	(void)state;
	assert_int_equal(diff_sort(entries, 3), 2);
	assert_int_equal(diff_sort(entries, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_sides_differ_in_nothing),
		cmocka_unit_test(each_kind_of_change_is_found),
		cmocka_unit_test(repeated_keys_are_one),
	};

	return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
