// SPDX-License-Identifier: GPL-2.0-or-later
/* The last ten configurations: which is in force, what a rollback goes back to, and their text on disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "change/kept.h"

static struct kept *kept;

static int setup(void **state)
{
	(void)state;
	return kept_new(&kept);
}

static int teardown(void **state)
{
	(void)state;
	kept_free(&kept);
	return 0;
}

static void push(int number)
{
	char text[32];

	snprintf(text, sizeof(text), "# %d\n", number);
	assert_int_equal(kept_push(kept, "/etc/muster/musterd.yaml", text, "alice (uid 1000)", 1000 + number), 0);
}

static void in_force(const char *text)
{
	const struct kept_config *current = kept_current(kept);

	if (!current || strcmp(current->text, text))
		fail_msg("in force is '%s' and not '%s'", current ? current->text : "nothing", text);
}

static void goes_back_to(const char *text)
{
	const struct kept_config *previous = kept_previous(kept);

	if (!text && previous)
		fail_msg("there is '%s' to go back to", previous->text);
	if (text && (!previous || strcmp(previous->text, text)))
		fail_msg("a rollback goes to '%s' and not to '%s'", previous ? previous->text : "nothing", text);
}

static void test_back_and_back(void **state)
{
	(void)state;
	assert_null(kept_current(kept));
	goes_back_to(NULL);
	push(1);
	goes_back_to(NULL);
	push(2);
	push(3);
	in_force("# 3\n");
	goes_back_to("# 2\n");
	kept_go_back(kept, kept_previous(kept)->id);
	in_force("# 2\n");
	goes_back_to("# 1\n");
	kept_go_back(kept, kept_previous(kept)->id);
	in_force("# 1\n");
	goes_back_to(NULL);
	push(4);
	in_force("# 4\n");
	goes_back_to("# 1\n");
}

/* What was in force is gone back to, which after a rollback is not the next older one: with a trial, and once confirmed. */
static void test_trial_after_a_rollback(void **state)
{
	uint64_t before;

	(void)state;
	push(1);
	push(2);
	push(3);
	kept_go_back(kept, kept_find(kept, 1)->id);
	before = kept->current;
	push(4);
	kept->back_to = before;
	goes_back_to("# 1\n");
	kept->back_to = 0;
	goes_back_to("# 1\n");
}

/* Ten are kept, and the one in force is never among those that go. */
static void test_ten(void **state)
{
	(void)state;
	for (int i = 1; i <= 14; i++)
		push(i);
	assert_int_equal(kept->n, KEPT_CONFIGS);
	assert_null(kept_find(kept, 4));
	assert_non_null(kept_find(kept, 5));
	kept_go_back(kept, 5);
	push(15);
	in_force("# 15\n");
	if (!kept_find(kept, 5))
		fail_msg("what was in force before the last one is gone");
	assert_null(kept_find(kept, 6));
}

static void test_text(void **state)
{
	struct kept *again = NULL, *copy = NULL;
	char *text, *same;

	(void)state;
	push(1);
	push(2);
	kept->back_to = 1;
	kept->file_print = kept_print("# 2\n");
	kept->end.wall_end_ms = 1800000000000;
	kept->end.boot_end_ms = -5;
	snprintf(kept->end.boot_id, sizeof(kept->end.boot_id), "boot-a");
	text = kept_format(kept);
	assert_int_equal(kept_parse(text, &again), 0);
	assert_int_equal(kept_copy(again, &copy), 0);
	same = kept_format(copy);
	assert_string_equal(same, text);
	assert_int_equal(again->file_print, kept->file_print);
	assert_int_not_equal(again->file_print, kept_print("# 3\n"));
	free(text);
	free(same);
	kept_free(&again);
	kept_free(&copy);
}

static void test_damaged(void **state)
{
	static const char *const texts[] = {
		"{", "[]", "{\"schema\":2}",
		"{\"schema\":1,\"file_print\":\"0\",\"boot_id\":\"\",\"next_id\":5,\"current\":3}",
		"{\"schema\":1,\"file_print\":\"0\",\"boot_id\":\"\",\"next_id\":5,\"current\":0,\"configs\":[{\"id\":"
		"1}]}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct kept *none = NULL;

		if (kept_parse(texts[i], &none) != -EINVAL || none)
			fail_msg("'%s' is taken", texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_back_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_trial_after_a_rollback, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
