// SPDX-License-Identifier: GPL-2.0-or-later
#include "folder.h"

#include "log.h"
#include "report/journal.h"
#include "report/journal_file.h"
#include "report/journal_text.h"
#include "report/utf8.h"

#define WALL_MS 1794993603042 /* 2026-11-18T09:20:03.042Z */

struct fixture {
	char folder[FOLDER_SIZE];
	sd_event *event;
	struct writer *writer;
	struct journal *journal;
	char followed[512];
};

static void start(struct fixture *f, uint64_t max_bytes)
{
	const struct writer_conf conf = {.dir = f->folder, .journal_max_bytes = max_bytes, .journal_keep = 2};
	char why[256];

	if (writer_new(&f->writer, f->event, &conf, why, sizeof(why)) < 0)
		fail_msg("the writer did not start: %s", why);
	assert_int_equal(journal_new(&f->journal, f->writer, f->folder), 0);
}

static void stop(struct fixture *f)
{
	writer_free(&f->writer);
	journal_free(&f->journal);
}

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){0};
	log_set_level(LOG_LEVEL_ERROR - 1);
	folder_make(f.folder);
	sd_event_new(&f.event);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	stop(f);
	sd_event_unref(f->event);
	folder_remove(f->folder);
	return 0;
}

static const struct journal_entry health = {.kind = JOURNAL_HEALTH,
					    .service = "web",
					    .server = "web-02",
					    .from = "up",
					    .to = "down",
					    .cause = "connection refused",
					    .duration_ms = 3};

static void on_line(void *context, const char *line, size_t length)
{
	struct fixture *f = context;

	snprintf(f->followed, sizeof(f->followed), "%.*s", (int)length, line);
}

static void test_one_line_everywhere(void **state)
{
	struct fixture *f = *state;
	const char *wanted = "{\"seq\":1,\"time\":\"2026-11-18T09:20:03.042Z\",\"kind\":\"health\",\"service\":\"web\","
			     "\"server\":\"web-02\",\"from\":\"up\",\"to\":\"down\",\"cause\":\"connection refused\","
			     "\"ms\":3}";
	json_t *recent;
	char *text;

	start(f, 1 << 20);
	journal_set_follower(f->journal, on_line, f);
	journal_write(f->journal, WALL_MS, &health);
	assert_string_equal(f->followed, wanted);
	recent = journal_recent(f->journal, 0, 10);
	text = json_dumps(json_array_get(recent, 0), JSON_COMPACT | JSON_PRESERVE_ORDER);
	assert_string_equal(text, wanted);
	free(text);
	json_decref(recent);
	writer_free(&f->writer);
	text = folder_read(f->folder, JOURNAL_FILE, NULL);
	if (strncmp(text, wanted, strlen(wanted)) != 0 || strcmp(text + strlen(wanted), "\n") != 0)
		fail_msg("the file holds %s, not %s", text, wanted);
	free(text);
}

static void expect_words(const struct journal_entry *entry, const char *wanted)
{
	struct journal_text text;
	char words[512];

	journal_text_from(entry, &text);
	journal_text_words(entry, &text, words, sizeof(words));
	if (strcmp(words, wanted) != 0)
		fail_msg("the log line should be \"%s\", but is \"%s\"", wanted, words);
}

static void test_words_for_people(void **state)
{
	(void)state;
	expect_words(&health, "web/web-02: health up -> down: connection refused (check, 3 ms)");
	expect_words(&(struct journal_entry){.kind = JOURNAL_STARTED, .to = "1.0"}, "started 1.0");
	expect_words(&(struct journal_entry){.kind = JOURNAL_ORDER_ENDED,
					     .service = "web",
					     .server = "web-02",
					     .from = "drain",
					     .to = "none",
					     .cause = "its time is over",
					     .owner = "alice (uid 1000)",
					     .duration_ms = 30 * 60 * 1000},
		     "web/web-02: order ended drain -> none: its time is over (by alice (uid 1000), after 30 min)");
	expect_words(&(struct journal_entry){.kind = JOURNAL_FAIL_OPEN, .service = "web", .cause = "all are down"},
		     "web: fail open: all are down");
}

static void test_foreign_bytes(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{"plain", "plain"},
		{"\xc3\xa9", "\xc3\xa9"},
		{"a\xff"
		 "b",
		 "a\xef\xbf\xbd"
		 "b"},
		{"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
		{"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* cut */
		{"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"a\nb\tc", "a b c"},
		{"\033[31m", "\xef\xbf\xbd[31m"},
		{"\xc2\x9b"
		 "2J",
		 "\xef\xbf\xbd"
		 "2J"},
	};
	char clean[64], all[300], cut[8];
	struct fixture *f = *state;
	json_t *recent;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		utf8_clean(cases[i].from, clean, sizeof(clean));
		if (strcmp(clean, cases[i].to) != 0)
			fail_msg("case %zu of foreign bytes came out as \"%s\"", i, clean);
	}
	utf8_clean("abcdef\xc3\xa9", cut, sizeof(cut)); /* seven bytes of room: no half character */
	assert_string_equal(cut, "abcdef");
	for (int i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = '\0';
	start(f, 1 << 20);
	journal_write(f->journal, WALL_MS, &(struct journal_entry){.kind = JOURNAL_MEMORY, .cause = all});
	stop(f);
	start(f, 1 << 20); /* it is read back, so it was a line of JSON */
	recent = journal_recent(f->journal, 0, 10);
	assert_int_equal(json_array_size(recent), 1);
	json_decref(recent);
}

static uint64_t seq_at(const json_t *lines, size_t i)
{
	return (uint64_t)json_integer_value(json_object_get(json_array_get(lines, i), "seq"));
}

static void test_numbers_go_on_after_restart(void **state)
{
	struct fixture *f = *state;
	json_t *recent;

	start(f, 1000); /* rotated every eight lines or so */
	for (int i = 0; i < 20; i++)
		journal_write(f->journal, WALL_MS, &health);
	stop(f);
	start(f, 1 << 20);
	journal_write(f->journal, WALL_MS, &health);
	recent = journal_recent(f->journal, 18, 100);
	assert_int_equal(json_array_size(recent), 3);
	assert_int_equal(seq_at(recent, 0), 19);
	assert_int_equal(seq_at(recent, 2), 21);
	json_decref(recent);
}

static void test_number_from_the_rotated_file(void **state)
{
	struct fixture *f = *state;
	json_t *recent;

	/* Killed between a rotation and the first line of the new file. */
	folder_write(f->folder, "journal.1.jsonl", "{\"seq\":41}\n{\"seq\":42}\n", 22);
	folder_write(f->folder, "journal.jsonl", "", 0);
	start(f, 1 << 20);
	journal_write(f->journal, WALL_MS, &health);
	recent = journal_recent(f->journal, 0, 100);
	assert_int_equal(json_array_size(recent), 3);
	assert_int_equal(seq_at(recent, 0), 41);
	assert_int_equal(seq_at(recent, 2), 43);
	json_decref(recent);
}

static void test_memory_is_bounded(void **state)
{
	struct fixture *f = *state;
	json_t *recent;

	start(f, 1 << 20);
	for (int i = 0; i < 5000; i++)
		journal_write(f->journal, WALL_MS, &health);
	recent = journal_recent(f->journal, 0, SIZE_MAX);
	assert_int_equal(json_array_size(recent), 4096);
	assert_int_equal(seq_at(recent, 0), 5000 - 4096 + 1);
	json_decref(recent);
	recent = journal_recent(f->journal, 0, 2);
	assert_int_equal(json_array_size(recent), 2);
	assert_int_equal(seq_at(recent, 1), 5000);
	json_decref(recent);
	stop(f);
	start(f, 1 << 20);
	recent = journal_recent(f->journal, 4990, SIZE_MAX);
	assert_int_equal(json_array_size(recent), 10);
	json_decref(recent);
	recent = journal_recent(f->journal, 0, SIZE_MAX);
	assert_int_equal(json_array_size(recent), 4096);
	json_decref(recent);
}

static void test_kind_names(void **state)
{
	(void)state;
	assert_string_equal(journal_kind_name(JOURNAL_RELOAD_REFUSED), "reload_refused");
	assert_string_equal(journal_kind_name(JOURNAL_KINDS_N), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_line_everywhere, setup, teardown),
		cmocka_unit_test(test_words_for_people),
		cmocka_unit_test_setup_teardown(test_foreign_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_numbers_go_on_after_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_number_from_the_rotated_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_is_bounded, setup, teardown),
		cmocka_unit_test(test_kind_names),
	};

	return cmocka_run_group_tests_name("report/journal", tests, NULL, NULL);
}
