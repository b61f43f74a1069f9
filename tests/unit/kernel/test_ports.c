// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stddef.h>
#include <stdarg.h>

#include <cmocka.h>

#include "kernel/ports.h"

static void default_sysctl_leaves_36280_ports(void **state)
{
	struct muster_port_range range[2];

	(void)state;
	assert_int_equal(ports_outside("32768\t60999\n", range), 0);
	assert_int_equal(range[0].first, 1024);
	assert_int_equal(range[0].count, 31744);
	assert_int_equal(range[1].first, 61000);
	assert_int_equal(range[1].count, 4536);
	assert_int_equal(range[0].count + range[1].count, 36280);
}

static void ranges_may_be_empty(void **state)
{
	struct muster_port_range range[2];

	(void)state;
	assert_int_equal(ports_outside("1024 65535", range), 0);
	assert_int_equal(range[0].count, 0);
	assert_int_equal(range[1].count, 0);
	assert_int_equal(ports_outside("1 500", range), 0);
	assert_int_equal(range[0].count, 0);
	assert_int_equal(range[1].first, 1024);
	assert_int_equal(range[1].count, 64512);
	assert_int_equal(ports_outside("40000 65535", range), 0);
	assert_int_equal(range[0].count, 38976);
	assert_int_equal(range[1].count, 0);
}

static void nonsense_is_refused(void **state)
{
	struct muster_port_range range[2];

	(void)state;
	assert_int_equal(ports_outside("", range), -EINVAL);
	assert_int_equal(ports_outside("32768", range), -EINVAL);
	assert_int_equal(ports_outside("60999 32768", range), -EINVAL);
	assert_int_equal(ports_outside("1 70000", range), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_sysctl_leaves_36280_ports),
		cmocka_unit_test(ranges_may_be_empty),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests_name("ports", tests, NULL, NULL);
}
