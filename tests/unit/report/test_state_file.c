// SPDX-License-Identifier: GPL-2.0-or-later
#include "folder.h"

#include <jansson.h>
#include <sched.h>
#include <sys/mount.h>

#include "report/state_file.h"

struct fixture {
	char folder[FOLDER_SIZE];
	int dir_fd;
	bool mounted;
	struct state_file file;
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){0};
	folder_make(f.folder);
	f.dir_fd = open(f.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->dir_fd);
	if (f->mounted)
		umount(f->folder);
	folder_remove(f->folder);
	return 0;
}

static void replace(struct fixture *f, const char *text)
{
	int err = state_file_replace(&f->file, text, strlen(text));

	if (err)
		fail_msg("replacing the state failed: %s", strerror(-err));
}

static void expect_state(struct fixture *f, const char *wanted)
{
	char *text = NULL;

	assert_int_equal(state_file_read(f->dir_fd, STATE_STEM, &text), 0);
	if (!text || strcmp(text, wanted) != 0)
		fail_msg("the state should be %s, but is %.200s", wanted, text ? text : "(none)");
	free(text);
}

static char *filled_object(size_t length)
{
	char *text = malloc(length + 1);

	memset(text, 'x', length);
	memcpy(text, "{\"a\":\"", 6);
	memcpy(text + length - 2, "\"}", 3);
	return text;
}

static void test_none_then_some(void **state)
{
	struct fixture *f = *state;
	char *text = (char *)"";

	assert_int_equal(state_file_read(f->dir_fd, STATE_STEM, &text), 0);
	assert_null(text);
	state_file_init(&f->file, f->dir_fd, STATE_STEM, STATE_FILE_BYTES);
	assert_int_equal(state_file_prepare(&f->file), 0);
	text = (char *)"";
	assert_int_equal(state_file_read(f->dir_fd, STATE_STEM, &text), 0);
	assert_null(text);
	replace(f, "{\"n\":1}");
	expect_state(f, "{\"n\":1}");
}

static void test_whole_file_is_json(void **state)
{
	struct fixture *f = *state;
	char *long_text = filled_object(9000);

	state_file_init(&f->file, f->dir_fd, STATE_STEM, STATE_FILE_BYTES);
	assert_int_equal(state_file_prepare(&f->file), 0);
	replace(f, long_text);
	replace(f, long_text);
	replace(f, "{\"n\":2}\n"); /* much shorter: nothing of the longer one may be left */
	expect_state(f, "{\"n\":2}");
	for (int i = 0; i < 2; i++) {
		const char *name = i ? STATE_FILE_SPARE : STATE_FILE;
		size_t length;
		char *text = folder_read(f->folder, name, &length);
		json_t *value = json_loadb(text, length, 0, NULL);

		if (!value)
			fail_msg("%s is not JSON as a whole", name);
		if (length != STATE_FILE_BYTES)
			fail_msg("%s has %zu bytes, not %d", name, length, STATE_FILE_BYTES);
		json_decref(value);
		free(text);
	}
	free(long_text);
}

static void test_outgrows(void **state)
{
	struct fixture *f = *state;
	char *large = filled_object(STATE_FILE_BYTES + 1000);
	size_t length;

	state_file_init(&f->file, f->dir_fd, STATE_STEM, STATE_FILE_BYTES);
	assert_int_equal(state_file_prepare(&f->file), 0);
	replace(f, large);
	expect_state(f, large);
	free(folder_read(f->folder, STATE_FILE_SPARE, &length));
	if (length <= strlen(large))
		fail_msg("the spare did not grow with the state: the next rewrite would need new blocks");
	replace(f, large);
	replace(f, "{}");
	expect_state(f, "{}");
	free(large);
}

static void test_damaged_spare(void **state)
{
	struct fixture *f = *state;
	char path[2 * FOLDER_SIZE];

	state_file_init(&f->file, f->dir_fd, STATE_STEM, STATE_FILE_BYTES);
	assert_int_equal(state_file_prepare(&f->file), 0);
	folder_write(f->folder, STATE_FILE_SPARE, "{\"half\": \0\0\0", 12); /* killed while it was written */
	replace(f, "{\"n\":1}");
	expect_state(f, "{\"n\":1}");
	unlink(folder_path(f->folder, STATE_FILE_SPARE, path)); /* tidied away by hand */
	replace(f, "{\"n\":2}");
	expect_state(f, "{\"n\":2}");
	unlink(folder_path(f->folder, STATE_FILE, path));
	replace(f, "{\"n\":3}");
	expect_state(f, "{\"n\":3}");
	folder_write(f->folder, "edited", "{\"n\":9}", 7); /* as an editor saves: another inode under the name */
	rename(folder_path(f->folder, "edited", path), folder_path(f->folder, STATE_FILE, (char[2 * FOLDER_SIZE]){0}));
	replace(f, "{\"n\":4}");
	expect_state(f, "{\"n\":4}");
	replace(f, "{\"n\":5}");
	expect_state(f, "{\"n\":5}");
}

/* A disk without a free block takes rewrites, refuses growth, and the old state stays. */
static void test_full_disk(void **state)
{
	struct fixture *f = *state;
	char *large = filled_object(STATE_FILE_BYTES + 1000);
	char block[4096] = {0};
	int fd;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", f->folder, "tmpfs", 0, "size=1m") < 0) {
		free(large);
		print_message("# a small tmpfs cannot be mounted without root\n");
		skip();
	}
	f->mounted = true;
	close(f->dir_fd);
	f->dir_fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	state_file_init(&f->file, f->dir_fd, STATE_STEM, STATE_FILE_BYTES);
	assert_int_equal(state_file_prepare(&f->file), 0);
	replace(f, "{\"n\":1}");
	fd = openat(f->dir_fd, "filler", O_WRONLY | O_CREAT, 0600);
	while (write(fd, block, sizeof(block)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
	for (int i = 0; i < 10; i++)
		replace(f, "{\"n\":2}");
	expect_state(f, "{\"n\":2}");
	assert_int_equal(state_file_replace(&f->file, large, strlen(large)), -ENOSPC);
	expect_state(f, "{\"n\":2}");
	replace(f, "{\"n\":3}");
	expect_state(f, "{\"n\":3}");
	unlinkat(f->dir_fd, "filler", 0);
	replace(f, large);
	expect_state(f, large);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_none_then_some, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whole_file_is_json, setup, teardown),
		cmocka_unit_test_setup_teardown(test_outgrows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_spare, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
	};

	return cmocka_run_group_tests_name("report/state_file", tests, NULL, NULL);
}
