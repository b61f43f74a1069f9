// SPDX-License-Identifier: GPL-2.0-or-later
/* What an upgrade came to, in one document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "report/upgrade.h"

static struct attach_report interface(const char *name, int error, bool there)
{
	struct attach_report out = {.error = error, .adopted = there, .before = "version 1 (id 7)"};

	snprintf(out.ifname, sizeof(out.ifname), "%s", name);
	snprintf(out.text, sizeof(out.text), "%s", error ? "not done" : there ? "there already" : "version 2 (id 8)");
	return out;
}

static void assert_answer(json_t *answer, const char *result, size_t changes, const char *said)
{
	assert_string_equal(json_string_value(json_object_get(answer, "result")), result);
	assert_int_equal(json_array_size(json_object_get(answer, "changes")), changes);
	assert_non_null(strstr(json_string_value(json_object_get(answer, "message")), said));
	json_decref(answer);
}

static void every_outcome_has_its_result(void **state)
{
	struct attach_report done = interface("front", 0, false), same = interface("back", 0, true);
	struct attach_report failed = interface("back", -EIO, false), others = interface("back", -EPERM, false);

	(void)state;
	assert_answer(upgrade_json(0, "", (struct attach_report[]){done, done}, 2), "done", 2, "in one step");
	assert_answer(upgrade_json(0, "", (struct attach_report[]){done, same}, 2), "done", 1, "back: there already");
	assert_answer(upgrade_json(0, "", &same, 1), "unchanged", 0, "back: there already");
	/* Half of it failed: which, and what the other one carries. */
	assert_answer(upgrade_json(-EIO, "", (struct attach_report[]){done, failed}, 2), "failed", 1,
		      "front: version 2 (id 8); back: not done");
	assert_answer(upgrade_json(-EPERM, "", &others, 1), "refused", 0, "back: not done");
	assert_answer(upgrade_json(-EPROTO, "not for these maps", NULL, 0), "refused", 0, "not for these maps");
	assert_answer(upgrade_json(-ENOENT, "no interface", NULL, 0), "not_found", 0, "no interface");
	assert_answer(upgrade_json(-EIO, "unreadable", NULL, 0), "failed", 0, "unreadable");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_outcome_has_its_result),
	};

	return cmocka_run_group_tests_name("upgrade", tests, NULL, NULL);
}
