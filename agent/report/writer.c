// SPDX-License-Identifier: GPL-2.0-or-later
#include "writer.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "../clock.h"
#include "../log.h"
#include "writer_thread.h"

static const struct {
	const char *stem;
	size_t bytes;
} files[] = {
#define X(NAME, stem, bytes) [WRITER_##NAME] = {stem, bytes},
	WRITER_FILES(X)
#undef X
};

static void call_finished(struct writer *writer)
{
	struct waiter *waiter;

	pthread_mutex_lock(&writer->lock);
	while ((waiter = writer->finished)) {
		writer->finished = waiter->next;
		if (!writer->finished)
			writer->finished_last = &writer->finished;
		pthread_mutex_unlock(&writer->lock);
		if (waiter->done)
			waiter->done(waiter->context, waiter->error);
		free(waiter);
		pthread_mutex_lock(&writer->lock);
	}
	pthread_mutex_unlock(&writer->lock);
}

static int on_finished(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	uint64_t count;

	(void)source;
	(void)events;
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_error("state: hearing from the writer thread: %s", strerror(errno));
	call_finished(userdata);
	return 0;
}

static int open_folder(const char *dir, char *why, size_t n)
{
	int fd, err;

	if (mkdir(dir, 0750) < 0 && errno != EEXIST) {
		err = -errno;
		snprintf(why, n, "making the state folder %s: %s; make it, or name another with state_dir", dir,
			 strerror(-err));
		return err;
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		snprintf(why, n, "opening the state folder %s: %s; name another with state_dir", dir, strerror(-err));
		return err;
	}
	return fd;
}

/* Full, failing, or mounted read-only, as the kernel does after an error. */
static bool disk_refuses(int err)
{
	return err == -ENOSPC || err == -EDQUOT || err == -EIO || err == -EROFS;
}

/* Opens the files. A disk that takes nothing only counts as an error that stands: what is there goes on being served. */
static int open_files(struct writer *writer, const struct writer_conf *conf, char *why, size_t n)
{
	struct writer_slot *state = &writer->slot[WRITER_STATE];
	int err = journal_file_open(&writer->journal, writer->dir_fd, conf->journal_max_bytes, conf->journal_keep);

	if (err < 0 && !disk_refuses(err)) {
		snprintf(why, n, "opening the journal %s/%s: %s", conf->dir, JOURNAL_FILE, strerror(-err));
		return err;
	}
	writer->journal_error = err;
	if (writer->journal.cut_bytes > 0)
		log_warning("journal: cut a torn end of %llu bytes off %s/%s: the agent or the host stopped while it "
			    "was written",
			    (unsigned long long)writer->journal.cut_bytes, conf->dir, JOURNAL_FILE);
	for (size_t i = 0; i < WRITER_FILES_N; i++)
		state_file_init(&writer->slot[i].file, writer->dir_fd, files[i].stem, files[i].bytes);
	/* Orders must be saved when the disk is full, so their files are made now; the others with their first text. */
	state->error = state_file_prepare(&state->file);
	if (state->error < 0 && !disk_refuses(state->error)) {
		snprintf(why, n, "preparing the state files %s/%s and %s: %s", conf->dir, STATE_FILE, STATE_FILE_SPARE,
			 strerror(-state->error));
		return state->error;
	}
	if (writer->journal_error < 0 || state->error < 0)
		log_error("state: %s cannot be written: %s: orders that take servers out are refused until it can",
			  conf->dir, strerror(-(writer->journal_error ? writer->journal_error : state->error)));
	return 0;
}

/* Signals are the loop's business: the thread starts with all of them blocked. */
static int start_thread(struct writer *writer)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = -pthread_create(&writer->thread, NULL, writer_thread, writer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err == 0)
		pthread_setname_np(writer->thread, "muster-writer");
	return err;
}

static struct writer *writer_alloc(void)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	pthread_condattr_t attr;

	if (!writer)
		return NULL;
	writer->dir_fd = writer->event_fd = writer->journal.fd = -1;
	line_queue_init(&writer->lines);
	line_queue_init(&writer->batch);
	for (size_t i = 0; i < WRITER_FILES_N; i++)
		writer->slot[i].waiting_last = &writer->slot[i].waiting;
	writer->finished_last = &writer->finished;
	pthread_mutex_init(&writer->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&writer->wake, &attr);
	pthread_condattr_destroy(&attr);
	return writer;
}

int writer_new(struct writer **out, sd_event *event, const struct writer_conf *conf, char *why, size_t n)
{
	struct writer *writer = writer_alloc();
	int err;

	if (!writer)
		return -ENOMEM;
	err = open_folder(conf->dir, why, n);
	if (err < 0)
		goto fail;
	writer->dir_fd = err;
	err = open_files(writer, conf, why, n);
	if (err < 0)
		goto fail;
	writer->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = writer->event_fd < 0 ? -errno : 0;
	if (err == 0)
		err = sd_event_add_io(event, &writer->source, writer->event_fd, EPOLLIN, on_finished, writer);
	if (err >= 0)
		err = start_thread(writer);
	if (err == 0) {
		*out = writer;
		return 0;
	}
	snprintf(why, n, "starting the writer thread: %s", strerror(-err));
fail:
	sd_event_source_unref(writer->source);
	writer_destroy(writer);
	return err;
}

/* Every waiter that is left gets its answer: the thread's, or that it did not come. */
static void cancel_waiters(struct writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	for (size_t i = 0; i < WRITER_FILES_N; i++) {
		struct writer_slot *slot = &writer->slot[i];

		writer_finish(writer, &slot->running, -ECANCELED);
		writer_finish(writer, &slot->waiting, -ECANCELED);
		slot->waiting_last = &slot->waiting;
		free(TAKE_PTR(slot->text));
	}
	pthread_mutex_unlock(&writer->lock);
	call_finished(writer);
}

static bool thread_joined(struct writer *writer)
{
	struct timespec until;

	pthread_mutex_lock(&writer->lock);
	writer->stop = true;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->lock);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WRITER_DRAIN_MS / 1000;
	return pthread_clockjoin_np(writer->thread, NULL, CLOCK_MONOTONIC, &until) == 0;
}

/* The disk holds the thread: it frees, when it is let go. Should it have ended just now, it is joined after all. */
static bool thread_abandoned(struct writer *writer)
{
	pthread_t thread = writer->thread;
	bool ended;

	log_error("state: the disk has not answered for %d ms: what it did not take is lost", WRITER_DRAIN_MS);
	cancel_waiters(writer);
	pthread_mutex_lock(&writer->lock);
	ended = writer->ended;
	writer->abandoned = !ended;
	pthread_mutex_unlock(&writer->lock);
	if (ended)
		pthread_join(thread, NULL);
	else
		pthread_detach(thread);
	return !ended;
}

void writer_free(struct writer **writerp)
{
	struct writer *writer = TAKE_PTR(*writerp);

	if (!writer)
		return;
	writer->source = sd_event_source_disable_unref(writer->source);
	if (!thread_joined(writer) && thread_abandoned(writer))
		return;
	/* Who hears that it is saved may write of it: once more, here, for the disk has just answered. */
	call_finished(writer);
	writer_round(writer);
	cancel_waiters(writer);
	if (writer->lines.first)
		log_error("journal: %zu bytes of lines are lost: %s", writer->lines.bytes,
			  strerror(-writer->journal_error));
	writer_destroy(writer);
}

void writer_append(struct writer *writer, const char *text)
{
	struct line *line = line_new(text);
	uint64_t lost = 0;

	pthread_mutex_lock(&writer->lock);
	if (line)
		line_queue_put(&writer->lines, line);
	else
		lost++;
	while (writer->lines.bytes + writer->batch.bytes > WRITER_BACKLOG_BYTES && writer->lines.first) {
		free(line_queue_take(&writer->lines));
		lost++;
	}
	if (lost > 0 && writer->lost == writer->lost_told)
		log_error("journal: the disk takes no lines: the oldest of those that wait are given up");
	writer->lost += lost;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->lock);
}

void writer_replace(struct writer *writer, enum writer_file which, const char *text, writer_done_fn done, void *context)
{
	struct writer_slot *slot = &writer->slot[which];
	struct waiter *waiter = malloc(sizeof(*waiter));
	char *copy = strdup(text);

	if (!waiter || !copy) {
		free(waiter);
		free(copy);
		if (done)
			done(context, -ENOMEM);
		return;
	}
	*waiter = (struct waiter){.done = done, .context = context};
	pthread_mutex_lock(&writer->lock);
	free(slot->text);
	slot->text = copy;
	*slot->waiting_last = waiter;
	slot->waiting_last = &waiter->next;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->lock);
}

int64_t writer_busy_ms(struct writer *writer)
{
	int64_t since_ms;

	pthread_mutex_lock(&writer->lock);
	since_ms = writer->busy_since_ms;
	pthread_mutex_unlock(&writer->lock);
	return since_ms ? MAX(1, clock_now_ms() - since_ms) : 0;
}

int writer_error(struct writer *writer)
{
	int error;

	pthread_mutex_lock(&writer->lock);
	error = writer->slot[WRITER_STATE].error;
	error = error ? error : writer->journal_error;
	pthread_mutex_unlock(&writer->lock);
	return error;
}

uint64_t writer_lines_lost(struct writer *writer)
{
	uint64_t lost;

	pthread_mutex_lock(&writer->lock);
	lost = writer->lost;
	pthread_mutex_unlock(&writer->lock);
	return lost;
}

int writer_read(const char *dir, enum writer_file which, char **out)
{
	_cleanup_(closep) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir_fd >= 0)
		return state_file_read(dir_fd, files[which].stem, out);
	if (errno != ENOENT)
		return -errno;
	*out = NULL;
	return 0;
}
