// SPDX-License-Identifier: GPL-2.0-or-later
#include "folder.h"

#include "report/journal_file.h"

struct fixture {
	char folder[FOLDER_SIZE];
	int dir_fd;
	struct journal_file file;
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){.file.fd = -1};
	folder_make(f.folder);
	f.dir_fd = open(f.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	journal_file_close(&f->file);
	close(f->dir_fd);
	folder_remove(f->folder);
	return 0;
}

static void expect_file(struct fixture *f, const char *name, const char *wanted)
{
	size_t length;
	char *text = folder_read(f->folder, name, &length);

	if (!text)
		fail_msg("%s should hold \"%s\", but is missing", name, wanted);
	if (length != strlen(wanted) || memcmp(text, wanted, length) != 0)
		fail_msg("%s should hold \"%s\", but holds \"%s\" (%zu bytes)", name, wanted, text, length);
	free(text);
}

static void append(struct fixture *f, const char *text)
{
	int err = journal_file_append(&f->file, text, strlen(text));

	if (err)
		fail_msg("appending \"%s\" failed: %s", text, strerror(-err));
}

static void test_torn_ends(void **state)
{
	static const struct {
		const char *before;
		size_t length;
		const char *after;
	} cases[] = {
		{"", 0, ""},
		{"{\"seq\":1}\n", 10, "{\"seq\":1}\n"},
		{"{\"seq\":1}\n{\"se", 14, "{\"seq\":1}\n"},
		{"{\"seq\":1}\n{\"seq\":2}", 19, "{\"seq\":1}\n"}, /* whole, but its newline is missing */
		{"{\"seq\":1}\n{\"seq\":2\n", 19, "{\"seq\":1}\n"},
		{"{\"seq\":1}\n\0\0\0\0\n\0\0", 17, "{\"seq\":1}\n"}, /* zeros of a block never written */
		{"{\"seq\":1}\n\n\n", 12, "{\"seq\":1}\n"},
		{"{\"se", 4, ""},
		{"[1]\n", 4, ""},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		folder_write(f->folder, JOURNAL_FILE, cases[i].before, cases[i].length);
		assert_int_equal(journal_file_open(&f->file, f->dir_fd, 0, 2), 0);
		expect_file(f, JOURNAL_FILE, cases[i].after);
		if (f->file.cut_bytes != cases[i].length - strlen(cases[i].after))
			fail_msg("case %zu: %llu bytes were said to be cut, %zu were", i,
				 (unsigned long long)f->file.cut_bytes, cases[i].length - strlen(cases[i].after));
		journal_file_close(&f->file);
	}
}

static void test_torn_end_beyond_the_window_keeps_the_rest(void **state)
{
	struct fixture *f = *state;
	size_t size = 3 * 1024 * 1024;
	char *text = malloc(size);

	memset(text, 'x', size);
	for (size_t i = 1023; i < size; i += 1024)
		text[i] = '\n';
	text[size - 1] = 'x';
	folder_write(f->folder, JOURNAL_FILE, text, size);
	free(text);
	assert_int_equal(journal_file_open(&f->file, f->dir_fd, 0, 2), 0);
	assert_int_equal(f->file.cut_bytes, 1024);
}

static void test_append_and_rotate(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(journal_file_open(&f->file, f->dir_fd, 8, 2), 0);
	for (char c = '1'; c <= '4'; c++) {
		char line[] = {'{', '}', ' ', ' ', c, '\n', '\0'};

		if (journal_file_full(&f->file, strlen(line)))
			assert_int_equal(journal_file_rotate(&f->file), 0);
		append(f, line);
	}
	expect_file(f, "journal.jsonl", "{}  4\n");
	expect_file(f, "journal.1.jsonl", "{}  3\n");
	expect_file(f, "journal.2.jsonl", "{}  2\n");
	if (folder_read(f->folder, "journal.3.jsonl", NULL))
		fail_msg("two rotated files were to be kept, but there is a third");
}

static void test_keep_none(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(journal_file_open(&f->file, f->dir_fd, 8, 0), 0);
	append(f, "{} 1\n");
	assert_int_equal(journal_file_rotate(&f->file), 0);
	append(f, "{} 2\n");
	expect_file(f, "journal.jsonl", "{} 2\n");
	assert_null(folder_read(f->folder, "journal.1.jsonl", NULL));
}

static void test_hands_on_the_file(void **state)
{
	struct fixture *f = *state;
	char from[2 * FOLDER_SIZE], to[2 * FOLDER_SIZE];

	assert_int_equal(journal_file_open(&f->file, f->dir_fd, 0, 2), 0);
	append(f, "{} 1\n");
	folder_write(f->folder, JOURNAL_FILE, "", 0); /* emptied: no hole of zeros may follow */
	append(f, "{} 2\n");
	expect_file(f, JOURNAL_FILE, "{} 2\n");
	rename(folder_path(f->folder, JOURNAL_FILE, from), folder_path(f->folder, "old", to)); /* moved away */
	append(f, "{} 3\n");
	expect_file(f, JOURNAL_FILE, "{} 3\n");
	expect_file(f, "old", "{} 2\n");
	unlink(from);
	append(f, "{} 4\n");
	expect_file(f, JOURNAL_FILE, "{} 4\n");
	folder_write(f->folder, JOURNAL_FILE, "{}\n{ half", 9); /* what a failed write left behind */
	f->file.length = 3;
	append(f, "{} 5\n");
	expect_file(f, JOURNAL_FILE, "{}\n{} 5\n");
}

static void test_tail(void **state)
{
	struct fixture *f = *state;
	char *tail = NULL;

	assert_int_equal(journal_file_tail(f->dir_fd, "missing", 100, &tail), 0);
	assert_string_equal(tail, "");
	free(tail);
	folder_write(f->folder, JOURNAL_FILE, "first\nsecond\nthird\ntorn", 23);
	assert_int_equal(journal_file_tail(f->dir_fd, JOURNAL_FILE, 100, &tail), 0);
	assert_string_equal(tail, "first\nsecond\nthird\n");
	free(tail);
	assert_int_equal(journal_file_tail(f->dir_fd, JOURNAL_FILE, 13, &tail), 0);
	assert_string_equal(tail, "third\n");
	free(tail);
	assert_int_equal(journal_file_tail(f->dir_fd, JOURNAL_FILE, 3, &tail), 0);
	assert_string_equal(tail, "");
	free(tail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_torn_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn_end_beyond_the_window_keeps_the_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_append_and_rotate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keep_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hands_on_the_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tail, setup, teardown),
	};

	return cmocka_run_group_tests_name("report/journal_file", tests, NULL, NULL);
}
