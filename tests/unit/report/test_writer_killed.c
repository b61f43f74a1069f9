// SPDX-License-Identifier: GPL-2.0-or-later
/* A writer killed at any time leaves a valid state file that holds what was reported, and at most one torn line. */
#include "folder.h"

#include <jansson.h>
#include <signal.h>
#include <sys/wait.h>

#include "log.h"
#include "report/journal_file.h"
#include "report/writer.h"

#define ROUNDS     150
#define LONGEST_US 20000

struct child {
	struct writer *writer;
	int64_t n, confirmed;
	int pipe;
};

static void on_saved(void *context, int error)
{
	struct child *child = context;

	child->confirmed++;
	if (error == 0 && write(child->pipe, &child->confirmed, sizeof(child->confirmed)) < 0)
		_exit(1);
}

/* Writes as fast as it can: texts of changing length, a journal line with each. */
static void child_writes(const char *folder, int64_t from, int pipe)
{
	const struct writer_conf conf = {.dir = folder, .journal_max_bytes = 4000, .journal_keep = 3};
	struct child child = {.n = from, .confirmed = from, .pipe = pipe};
	sd_event *event = NULL;
	char why[256], text[6000];

	sd_event_new(&event);
	if (writer_new(&child.writer, event, &conf, why, sizeof(why)) < 0)
		_exit(2);
	for (;;) {
		child.n++;
		snprintf(text, sizeof(text), "{\"n\":%lld,\"fill\":\"%0*d\"}", (long long)child.n,
			 (int)(child.n * 37 % 5000) + 1, 0);
		writer_replace(child.writer, WRITER_STATE, text, on_saved, &child);
		snprintf(text, sizeof(text), "{\"seq\":%lld,\"fill\":\"%0200d\"}", (long long)child.n, 0);
		writer_append(child.writer, text);
		while (child.n - child.confirmed > 8)
			sd_event_run(event, UINT64_MAX);
		sd_event_run(event, 0);
	}
}

static int64_t number_in(const char *text, size_t length, const char *key)
{
	json_t *value = json_loadb(text, length, 0, NULL);
	int64_t n = json_is_object(value) ? json_integer_value(json_object_get(value, key)) : -1;

	json_decref(value);
	return n;
}

/* Every line whole, but for the last one; numbers rise by one within a file. Returns the number of torn lines. */
static int check_journal(const char *folder, const char *name)
{
	char *text = folder_read(folder, name, NULL);
	int64_t last = 0, seq;
	int torn = 0;

	for (char *end, *line = text; line && *line; line = end + 1) {
		end = strchr(line, '\n');
		seq = end ? number_in(line, (size_t)(end - line), "seq") : -1;
		if (torn)
			fail_msg("%s: a torn line has another one behind it", name);
		if (seq < 0) {
			torn = 1;
			if (!end)
				break;
			continue;
		}
		if (last && seq != last + 1)
			fail_msg("%s: line %lld is followed by %lld", name, (long long)last, (long long)seq);
		last = seq;
	}
	free(text);
	return torn;
}

static int64_t one_round(const char *folder, int64_t from, int *torn)
{
	int64_t confirmed = from, n;
	char *text = NULL;
	int ends[2];
	pid_t pid;

	if (pipe(ends) < 0)
		fail_msg("no pipe");
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		child_writes(folder, from, ends[1]);
	}
	close(ends[1]);
	/* Half of them are killed while they start, the others at work: how long the start takes is the disk's affair. */
	if (rand() % 2 && read(ends[0], &n, sizeof(n)) == sizeof(n))
		confirmed = n;
	usleep((useconds_t)(rand() % LONGEST_US));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (read(ends[0], &n, sizeof(n)) == sizeof(n))
		confirmed = n;
	close(ends[0]);
	if (writer_read(folder, WRITER_STATE, &text) < 0)
		fail_msg("the state file cannot be read after a kill");
	n = text ? number_in(text, strlen(text), "n") : 0;
	if (n < 0)
		fail_msg("the state file is not JSON after a kill: %.100s", text);
	if (n < confirmed)
		fail_msg("state %lld was reported as saved, but the file holds %lld", (long long)confirmed,
			 (long long)n);
	free(text);
	*torn += check_journal(folder, JOURNAL_FILE);
	for (unsigned number = 1; number <= 3; number++) {
		char name[JOURNAL_FILE_NAME];

		if (check_journal(folder, journal_file_name(number, name)) != 0)
			fail_msg("%s, a rotated file, holds a torn line", name);
	}
	return n;
}

static void clear_journal(const char *folder)
{
	char name[JOURNAL_FILE_NAME], path[2 * FOLDER_SIZE];

	for (unsigned number = 0; number <= 3; number++)
		unlink(folder_path(folder, journal_file_name(number, name), path));
}

static void test_killed_at_any_time(void **state)
{
	char folder[FOLDER_SIZE];
	int64_t n = 0;
	int torn = 0;

	(void)state;
	folder_make(folder);
	log_set_level(LOG_LEVEL_ERROR - 1);
	srand(7);
	for (int i = 0; i < ROUNDS; i++) {
		n = one_round(folder, n, &torn);
		clear_journal(folder); /* a killed writer's numbers have gaps; within a round there are none */
	}
	if (n < ROUNDS)
		fail_msg("only %lld saves in %d rounds: the writer was hardly ever at work when it was killed",
			 (long long)n, ROUNDS);
	print_message("# %d kills, %lld saves, %d torn lines\n", ROUNDS, (long long)n, torn);
	folder_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed_at_any_time)};

	return cmocka_run_group_tests_name("report/writer_killed", tests, NULL, NULL);
}
