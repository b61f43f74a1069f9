// SPDX-License-Identifier: GPL-2.0-or-later
/* The host's and cgroups' memory files, the latter as plain files in a folder of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "responder/source.h"

static char folder[] = "/tmp/muster-cgroup-XXXXXX";

static const char *const names[] = {
	"memory.max",    "memory.current",        "memory.stat",           "memory.pressure",
	"memory.events", "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control"};

static void put(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	char path[128];
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	return rmdir(folder);
}

static struct responder_reading read_folder(void)
{
	struct responder_source source;
	struct responder_reading reading;
	char why[512] = "";

	if (responder_source_open(&source, folder, why, sizeof(why)) < 0)
		fail_msg("the folder was not taken: %s", why);
	assert_int_equal(responder_source_read(&source, &reading), 0);
	responder_source_close(&source);
	return reading;
}

static void the_host(void **state)
{
	struct responder_source source;
	struct responder_reading reading;
	char why[512];

	(void)state;
	assert_int_equal(responder_source_open(&source, NULL, why, sizeof(why)), 0);
	assert_int_equal(responder_source_read(&source, &reading), 0);
	assert_true(reading.total_bytes > 0 && reading.available_bytes > 0);
	assert_true(reading.available_bytes <= reading.total_bytes);
	responder_source_close(&source);
}

static void a_cgroup_of_version_2(void **state)
{
	struct responder_reading reading;

	(void)state;
	put("memory.max", "67108864\n");
	put("memory.current", "50000000\n");
	put("memory.stat", "anon 1\nfile 2\ninactive_file 1000000\nactive_file 7\n");
	put("memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\n"
			       "full avg10=0.00 avg60=0.00 avg300=0.00 total=250000\n");
	put("memory.events", "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n");
	reading = read_folder();
	assert_int_equal(reading.total_bytes, 67108864);
	assert_int_equal(reading.available_bytes, 67108864 - 50000000 + 1000000);
	assert_int_equal(reading.waiting_us, 1500000);
	assert_int_equal(reading.stalled_us, 250000);
	assert_int_equal(reading.oom_kills, 2);
}

static void a_cgroup_over_its_limit_has_nothing(void **state)
{
	struct responder_reading reading;

	(void)state;
	put("memory.max", "1000\n");
	put("memory.current", "5000\n");
	put("memory.stat", "inactive_file 100\n");
	reading = read_folder();
	assert_int_equal(reading.total_bytes, 1000);
	assert_int_equal(reading.available_bytes, 0);
}

static void a_cgroup_without_limit_has_the_hosts_memory_but_not_its_pressure(void **state)
{
	struct responder_reading reading;

	(void)state;
	put("memory.max", "max\n");
	put("memory.current", "5000\n");
	put("memory.stat", "inactive_file 100\n");
	reading = read_folder();
	assert_true(reading.total_bytes > 1 << 20 && reading.total_bytes < INT64_MAX / 2);
	assert_true(reading.available_bytes > 0);
	assert_int_equal(reading.waiting_us, -1);
	assert_int_equal(reading.stalled_us, -1);
	assert_int_equal(reading.oom_kills, -1);
}

static void a_cgroup_of_version_1(void **state)
{
	struct responder_reading reading;

	(void)state;
	put("memory.limit_in_bytes", "9223372036854771712\n");
	put("memory.usage_in_bytes", "40000000\n");
	put("memory.stat", "cache 9\ninactive_file 5\nhierarchical_memory_limit 67108864\n"
			   "total_cache 9\ntotal_inactive_file 3000000\n");
	put("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n");
	reading = read_folder();
	assert_int_equal(reading.total_bytes, 67108864);
	assert_int_equal(reading.available_bytes, 67108864 - 40000000 + 3000000);
	assert_int_equal(reading.waiting_us, -1);
	assert_int_equal(reading.oom_kills, 4);
}

static void a_folder_that_is_no_memory_cgroup_is_refused(void **state)
{
	struct responder_source source;
	char why[512] = "";

	(void)state;
	assert_int_equal(responder_source_open(&source, folder, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "memory.limit_in_bytes"));
	put("memory.max", "100\n");
	put("memory.current", "nonsense\n");
	put("memory.stat", "");
	assert_int_equal(responder_source_open(&source, folder, why, sizeof(why)), -ENODATA);
}

static void numbers_after_keys(void **state)
{
	(void)state;
	assert_int_equal(responder_keyed_number("MemTotal:       123 kB\nMemAvailable: 7 kB\n", "MemAvailable:"), 7);
	assert_int_equal(responder_keyed_number("oom_kill_disable 1\noom_kill 4", "oom_kill"), 4);
	assert_int_equal(responder_keyed_number("xoom_kill 4\n", "oom_kill"), -1);
	assert_int_equal(responder_keyed_number("oom_kill \n", "oom_kill"), -1);
	assert_int_equal(responder_keyed_number("", "oom_kill"), -1);
	assert_int_equal(responder_pressure_total("some avg10=1.00\nfull total=9\n", "some"), -1);
	assert_int_equal(responder_pressure_total("some total=8\nfull total=9", "full"), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_host),
		cmocka_unit_test_setup_teardown(a_cgroup_of_version_2, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_cgroup_over_its_limit_has_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_cgroup_without_limit_has_the_hosts_memory_but_not_its_pressure,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_cgroup_of_version_1, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_folder_that_is_no_memory_cgroup_is_refused, set_up, tear_down),
		cmocka_unit_test(numbers_after_keys),
	};

	return cmocka_run_group_tests_name("responder source", tests, NULL, NULL);
}
