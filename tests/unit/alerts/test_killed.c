// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An agent killed at any time loses no alert: what was in the spool once is told, even when it was over by the next start, and what stands
 * is told by whoever starts next. The child is the book, the spool and a receiver that often fails; the world is the parent's.
 */
#include "../report/folder.h"

#include <signal.h>
#include <sys/wait.h>

#include "alerts/book.h"
#include "log.h"
#include "report/writer.h"

#define KILLS      100
#define WORDS_MOST 30   /* heard before a kill... */
#define LONGEST_US 2000 /* ...and so long after: in the middle of what comes next */
#define SERVERS    6

/* What the parent hears through the pipe, each in one write. */
struct word {
	enum { TOLD_PAGE, TOLD_END, SAVED } what;
	uint64_t id;
	unsigned server;
};

struct child {
	struct writer *writer;
	struct book *book;
	struct receiver_conf receiver;
	struct config config;
	struct lease_clock clock;
	int pipe;
	bool saving;
};

static void hear(const struct child *child, int what, const struct alert *alert)
{
	struct word word = {.what = what, .id = alert->id, .server = (unsigned)atoi(alert->server)};

	if (write(child->pipe, &word, sizeof(word)) != sizeof(word))
		_exit(3);
}

/* Those that a save holds: they are on disk when it is done. */
struct save {
	struct child *child;
	size_t n;
	struct alert alerts[];
};

static void saved(void *context, int error)
{
	struct save *save = context;

	for (size_t i = 0; i < save->n && !error; i++)
		hear(save->child, SAVED, &save->alerts[i]);
	save->child->saving = false;
	free(save);
}

static void keep(struct child *child)
{
	struct save *save = calloc(1, sizeof(*save) + child->book->n * sizeof(save->alerts[0]));
	char *text = book_format(child->book, &child->clock);

	if (!text || !save)
		_exit(4);
	save->child = child;
	for (size_t i = 0; i < child->book->n; i++)
		save->alerts[save->n++] = *child->book->alerts[i];
	child->book->changed = false;
	child->saving = true;
	writer_replace(child->writer, WRITER_ALERTS, text, saved, save);
	free(text);
}

static void tick(struct child *child, unsigned standing, bool well)
{
	struct book_view view = {
		.config = &child->config, .now_ms = child->clock.now_ms, .wall_ms = child->clock.wall_ms};
	struct alert_post *post;
	struct alert *alert;
	char name[8];

	book_round_begin(child->book);
	for (unsigned i = 0; i < SERVERS; i++) {
		snprintf(name, sizeof(name), "%u", i);
		if (standing & 1U << i)
			book_raise(child->book, &view, ALERT_SERVER_DOWN, "web", name, "down");
	}
	book_round_end(child->book, &view);
	book_step(child->book, &view);
	while (book_next_post(child->book, &child->config, view.now_ms, &alert, &post)) {
		bool page = post->owes_page, taken = well || rand() % 2;

		if (taken)
			hear(child, page ? TOLD_PAGE : TOLD_END, alert);
		book_posted(child->book, alert->id, "pager", page, taken ? BOOK_TAKEN : BOOK_FAILED, 0, "",
			    view.now_ms);
	}
	if (child->book->changed && !child->saving)
		keep(child);
}

/* Runs until it is killed; `well`: until there is nothing left to do, with a receiver that takes everything. */
static void live(const char *folder, unsigned round, unsigned standing, int pipe, bool well)
{
	const struct writer_conf conf = {.dir = folder, .journal_max_bytes = 4000, .journal_keep = 1};
	struct child child = {.pipe = pipe, .receiver = {.name = "pager", .step = 1}};
	char why[256], *text = NULL;
	sd_event *event = NULL;

	child.clock =
		(struct lease_clock){.now_ms = 1 + round * 1000000LL, .wall_ms = round * 1000000LL, .boot_id = "boot"};
	child.config = (struct config){.alerts = {.flap_ms = 1000}, .receivers = &child.receiver, .n_receivers = 1};
	srand(round);
	sd_event_new(&event);
	if (writer_new(&child.writer, event, &conf, why, sizeof(why)) < 0 ||
	    writer_read(folder, WRITER_ALERTS, &text) < 0)
		_exit(2);
	if (text ? book_parse(text, &child.clock, &child.book, why, sizeof(why)) : book_new(&child.book))
		_exit(5);
	for (unsigned n = 0; !well || n < 200; n++) {
		child.clock.now_ms += 500;
		child.clock.wall_ms += 500;
		/* While it lives the world goes on: some come, some go. */
		if (!well && n % 4 == 3)
			standing ^= 1U << rand() % SERVERS;
		tick(&child, standing, well);
		while (child.saving)
			sd_event_run(event, UINT64_MAX);
	}
	_exit(0);
}

/* What the parent knows: of each alert by number and server, whether it was on disk, and told. */
struct known {
	struct seen {
		uint64_t id;
		unsigned server;
		bool saved, told;
	} seen[100000];
	size_t n;
	bool open[SERVERS]; /* as the receiver believes */
	unsigned words;
};

static struct seen *seen_of(struct known *known, const struct word *word)
{
	for (size_t i = known->n; i-- > 0;)
		if (known->seen[i].id == word->id && known->seen[i].server == word->server)
			return &known->seen[i];
	if (known->n == ARRAY_SIZE(known->seen))
		fail_msg("more alerts than the test has room for");
	known->seen[known->n] = (struct seen){.id = word->id, .server = word->server};
	return &known->seen[known->n++];
}

static bool listen_to(struct known *known, int from)
{
	struct word word;
	struct seen *seen;

	if (read(from, &word, sizeof(word)) != sizeof(word))
		return false;
	seen = seen_of(known, &word);
	known->words++;
	seen->saved |= word.what == SAVED;
	seen->told |= word.what == TOLD_PAGE;
	if (word.what != SAVED)
		known->open[word.server] = word.what == TOLD_PAGE;
	return true;
}

/* One life; returns its wait status. */
static int one_life(struct known *known, const char *folder, unsigned round, unsigned standing, bool well)
{
	int ends[2], status;
	pid_t pid;

	if (pipe(ends) < 0 || fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) < 0)
		fail_msg("no pipe");
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		live(folder, round, standing, ends[1], well);
	}
	close(ends[1]);
	if (!well) {
		for (int left = rand() % WORDS_MOST; left && listen_to(known, ends[0]); left--)
			;
		usleep((useconds_t)(rand() % LONGEST_US));
		kill(pid, SIGKILL);
	}
	while (listen_to(known, ends[0]))
		;
	close(ends[0]);
	waitpid(pid, &status, 0);
	return status;
}

static void no_alert_is_lost(void **state)
{
	struct known *known = calloc(1, sizeof(*known));
	char folder[FOLDER_SIZE];
	unsigned standing = 0, saved = 0;

	(void)state;
	folder_make(folder);
	log_set_level(LOG_LEVEL_ERROR - 1);
	srand(5);
	for (unsigned round = 1; round <= KILLS; round++) {
		int status = one_life(known, folder, round, standing, false);

		if (!WIFSIGNALED(status))
			fail_msg("the child ended by itself, with status %d", WEXITSTATUS(status));
		standing ^= 1U << rand() % SERVERS;
	}
	assert_int_equal(one_life(known, folder, KILLS + 1, standing, true), 0);
	for (size_t i = 0; i < known->n; i++) {
		saved += known->seen[i].saved;
		if (known->seen[i].saved && !known->seen[i].told)
			fail_msg("alert %llu of server %u was in the spool, and nobody was told",
				 (unsigned long long)known->seen[i].id, known->seen[i].server);
	}
	for (unsigned i = 0; i < SERVERS; i++)
		if (known->open[i] != !!(standing & 1U << i))
			fail_msg("server %u: the receiver believes it %s, which is not so", i,
				 known->open[i] ? "down" : "up");
	if (saved < KILLS / 4)
		fail_msg("only %u alerts in %d lives: they hardly lived", saved, KILLS);
	print_message("# %d kills, %zu alerts, %u of them spooled, %u words\n", KILLS, known->n, saved, known->words);
	free(known);
	folder_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(no_alert_is_lost)};

	return cmocka_run_group_tests_name("alerts/killed", tests, NULL, NULL);
}
