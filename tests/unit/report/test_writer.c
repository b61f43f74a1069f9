// SPDX-License-Identifier: GPL-2.0-or-later
#include "folder.h"
#include "disk.h"

#include "clock.h"
#include "log.h"
#include "report/journal_file.h"
#include "report/writer.h"

struct fixture {
	char folder[FOLDER_SIZE];
	sd_event *event;
	struct writer *writer;
	int done, errors, last_error;
	int ticks;
	int64_t last_tick_ms, longest_gap_ms;
};

static void start(struct fixture *f)
{
	const struct writer_conf conf = {.dir = f->folder, .journal_max_bytes = 4 << 20, .journal_keep = 2};
	char why[256];

	if (writer_new(&f->writer, f->event, &conf, why, sizeof(why)) < 0)
		fail_msg("the writer did not start: %s", why);
}

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){0};
	log_set_level(LOG_LEVEL_ERROR - 1);
	folder_make(f.folder);
	sd_event_new(&f.event);
	start(&f);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	disk_room = -1;
	disk_hold(false);
	writer_free(&f->writer);
	sd_event_unref(f->event);
	folder_remove(f->folder);
	return 0;
}

static void on_done(void *context, int error)
{
	struct fixture *f = context;

	f->done++;
	f->errors += error != 0;
	f->last_error = error;
}

static int on_tick(sd_event_source *source, uint64_t now_us, void *userdata)
{
	struct fixture *f = userdata;
	int64_t now_ms = clock_now_ms();

	(void)now_us;
	if (f->ticks++ > 0)
		f->longest_gap_ms = MAX(f->longest_gap_ms, now_ms - f->last_tick_ms);
	f->last_tick_ms = now_ms;
	sd_event_source_set_time_relative(source, 5000);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void run_for(struct fixture *f, int ms)
{
	int64_t end_ms = clock_now_ms() + ms, left_ms;

	while ((left_ms = end_ms - clock_now_ms()) > 0)
		sd_event_run(f->event, (uint64_t)left_ms * 1000);
}

static void run_until_done(struct fixture *f, int wanted)
{
	int64_t end_ms = clock_now_ms() + 3000;

	while (f->done < wanted && clock_now_ms() < end_ms)
		sd_event_run(f->event, 50000);
	if (f->done < wanted)
		fail_msg("%d of %d saves were reported to the loop within 3 s", f->done, wanted);
}

static void expect_state(struct fixture *f, const char *wanted)
{
	char *text = NULL;

	assert_int_equal(writer_read(f->folder, WRITER_STATE, &text), 0);
	if (!text || strcmp(text, wanted) != 0)
		fail_msg("the state should be %s, but is %.100s", wanted, text ? text : "(none)");
	free(text);
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; text && (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

static void test_saved_and_appended(void **state)
{
	struct fixture *f = *state;
	char *text;

	writer_append(f->writer, "{\"seq\":1}");
	writer_append(f->writer, "{\"seq\":2}");
	writer_replace(f->writer, WRITER_STATE, "{\"n\":1}", on_done, f);
	assert_int_equal(f->done, 0); /* never from within the call */
	run_until_done(f, 1);
	assert_int_equal(f->last_error, 0);
	expect_state(f, "{\"n\":1}");
	text = folder_read(f->folder, JOURNAL_FILE, NULL);
	assert_string_equal(text, "{\"seq\":1}\n{\"seq\":2}\n");
	free(text);
	assert_int_equal(writer_error(f->writer), 0);
}

static void test_loop_goes_on_while_fsync_hangs(void **state)
{
	struct fixture *f = *state;
	sd_event_source *timer = NULL;
	int64_t busy_ms;

	sd_event_add_time_relative(f->event, &timer, CLOCK_MONOTONIC, 0, 1, on_tick, f);
	disk_hold(true);
	for (int i = 0; i < 100; i++)
		writer_append(f->writer, "{}");
	writer_replace(f->writer, WRITER_STATE, "{\"n\":1}", on_done, f);
	run_for(f, 1000);
	busy_ms = writer_busy_ms(f->writer);
	if (f->done != 0)
		fail_msg("the save was reported although fsync hangs");
	if (busy_ms < 900 || busy_ms > 3000)
		fail_msg("after a second's hang the writer says %lld ms", (long long)busy_ms);
	if (f->ticks < 50 || f->longest_gap_ms > 400)
		fail_msg("the loop did not go on while fsync hung: %d ticks of 5 ms, longest gap %lld ms", f->ticks,
			 (long long)f->longest_gap_ms);
	disk_hold(false);
	run_until_done(f, 1);
	assert_int_equal(f->last_error, 0);
	assert_int_equal(writer_busy_ms(f->writer), 0);
	sd_event_source_disable_unref(timer);
}

static void test_later_saves_overtake(void **state)
{
	struct fixture *f = *state;
	char text[32];
	unsigned before;

	disk_hold(true);
	writer_replace(f->writer, WRITER_STATE, "{\"n\":0}", on_done, f);
	run_for(f, 50); /* the first is under way now */
	before = disk_syncs;
	for (int i = 1; i <= 50; i++) {
		snprintf(text, sizeof(text), "{\"n\":%d}", i);
		writer_replace(f->writer, WRITER_STATE, text, on_done, f);
	}
	disk_hold(false);
	run_until_done(f, 51);
	assert_int_equal(f->errors, 0);
	expect_state(f, "{\"n\":50}");
	if (disk_syncs - before > 6)
		fail_msg("51 saves, 50 of them overtaken, took %u syncs", disk_syncs - before);
}

static void test_lines_share_a_sync(void **state)
{
	struct fixture *f = *state;
	unsigned before;
	char *text;

	disk_hold(true);
	writer_append(f->writer, "{}");
	run_for(f, 50);
	before = disk_syncs;
	for (int i = 0; i < 1000; i++)
		writer_append(f->writer, "{\"seq\":1}");
	disk_hold(false);
	writer_free(&f->writer);
	text = folder_read(f->folder, JOURNAL_FILE, NULL);
	assert_int_equal(count_lines(text), 1001);
	free(text);
	if (disk_syncs - before > 4)
		fail_msg("1,000 lines handed over together took %u syncs", disk_syncs - before);
}

static void test_full_disk_is_said_and_retried(void **state)
{
	struct fixture *f = *state;
	char *text;

	writer_append(f->writer, "{\"seq\":1}");
	run_for(f, 100);
	disk_room = 4; /* the next line is torn */
	writer_append(f->writer, "{\"seq\":2}");
	writer_replace(f->writer, WRITER_STATE, "{\"n\":1}", on_done, f);
	run_until_done(f, 1);
	assert_int_equal(f->last_error, -ENOSPC);
	assert_int_equal(writer_error(f->writer), -ENOSPC);
	text = folder_read(f->folder, JOURNAL_FILE, NULL);
	assert_string_equal(text, "{\"seq\":1}\n");
	free(text);
	writer_append(f->writer, "{\"seq\":3}");
	disk_room = -1;
	run_for(f, 1500);
	text = folder_read(f->folder, JOURNAL_FILE, NULL);
	assert_string_equal(text, "{\"seq\":1}\n{\"seq\":2}\n{\"seq\":3}\n");
	free(text);
	assert_int_equal(writer_lines_lost(f->writer), 0);
	writer_replace(f->writer, WRITER_STATE, "{\"n\":2}", on_done, f);
	run_until_done(f, 2);
	assert_int_equal(f->last_error, 0);
	assert_int_equal(writer_error(f->writer), 0);
}

static void test_backlog_is_bounded(void **state)
{
	struct fixture *f = *state;
	char line[1000];
	char *text;
	size_t length;

	disk_room = 0;
	for (int i = 0; i < 3000; i++) {
		snprintf(line, sizeof(line), "{\"seq\":%d,\"fill\":\"%0900d\"}", i, 0);
		writer_append(f->writer, line);
	}
	run_for(f, 50);
	disk_room = -1;
	writer_free(&f->writer);
	text = folder_read(f->folder, JOURNAL_FILE, &length);
	if (length < WRITER_BACKLOG_BYTES / 2 || length > WRITER_BACKLOG_BYTES)
		fail_msg("of 2.7 MB that waited for the disk, %zu bytes were kept; 1 MiB is the bound", length);
	if (!strstr(text, "{\"seq\":2999,"))
		fail_msg("the newest line was given up instead of the oldest");
	free(text);
}

static void again(void *context, int error)
{
	struct fixture *f = context;

	on_done(f, error);
	writer_append(f->writer, "{\"seq\":\"from done\"}");
}

static void test_free_finishes_what_was_handed_over(void **state)
{
	struct fixture *f = *state;
	struct writer *writer = f->writer;
	char *text;

	writer_append(f->writer, "{\"seq\":1}");
	writer_replace(f->writer, WRITER_STATE, "{\"n\":7}", again, f);
	writer_free(&writer); /* f->writer stays for `again`, as the journal's does in the agent */
	f->writer = NULL;
	assert_int_equal(f->done, 1);
	assert_int_equal(f->last_error, 0);
	expect_state(f, "{\"n\":7}");
	text = folder_read(f->folder, JOURNAL_FILE, NULL);
	assert_string_equal(text, "{\"seq\":1}\n{\"seq\":\"from done\"}\n");
	free(text);
}

static void test_free_leaves_a_hanging_disk_behind(void **state)
{
	struct fixture *f = *state;
	int64_t start_ms = clock_now_ms(), took_ms;

	disk_hold(true);
	writer_replace(f->writer, WRITER_STATE, "{\"n\":1}", on_done, f);
	run_for(f, 50);
	writer_replace(f->writer, WRITER_STATE, "{\"n\":2}", on_done, f);
	writer_append(f->writer, "{}");
	writer_free(&f->writer);
	took_ms = clock_now_ms() - start_ms;
	if (took_ms < WRITER_DRAIN_MS || took_ms > WRITER_DRAIN_MS + 1500)
		fail_msg("the writer waited %lld ms for a disk that hangs", (long long)took_ms);
	assert_int_equal(f->done, 2);
	assert_int_equal(f->last_error, -ECANCELED);
	disk_hold(false);
	usleep(300000); /* the thread ends and frees: the leak check is the judge */
}

static void test_torn_line_is_cut_at_start(void **state)
{
	struct fixture *f = *state;
	char *text;

	writer_free(&f->writer);
	folder_write(f->folder, JOURNAL_FILE, "{\"seq\":1}\n{\"seq\":", 17);
	start(f);
	writer_append(f->writer, "{\"seq\":2}");
	writer_free(&f->writer);
	text = folder_read(f->folder, JOURNAL_FILE, NULL);
	assert_string_equal(text, "{\"seq\":1}\n{\"seq\":2}\n");
	free(text);
}

static void test_folder_that_cannot_be(void **state)
{
	struct fixture *f = *state;
	const struct writer_conf conf = {.dir = "/dev/null/state", .journal_max_bytes = 1};
	struct writer *writer = NULL;
	char why[256] = "";

	assert_int_equal(writer_new(&writer, f->event, &conf, why, sizeof(why)), -ENOTDIR);
	assert_null(writer);
	if (!strstr(why, "/dev/null/state") || !strstr(why, "state_dir"))
		fail_msg("the message names neither folder nor setting: %s", why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_saved_and_appended, setup, teardown),
		cmocka_unit_test_setup_teardown(test_loop_goes_on_while_fsync_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_later_saves_overtake, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_share_a_sync, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_disk_is_said_and_retried, setup, teardown),
		cmocka_unit_test_setup_teardown(test_backlog_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_finishes_what_was_handed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_leaves_a_hanging_disk_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn_line_is_cut_at_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folder_that_cannot_be, setup, teardown),
	};

	return cmocka_run_group_tests_name("report/writer", tests, NULL, NULL);
}
