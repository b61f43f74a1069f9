// SPDX-License-Identifier: GPL-2.0-or-later
#include "writer_thread.h"

#include <stdio.h>

#include "../clock.h"
#include "../log.h"

#define RETRY_S     1                          /* between attempts to write lines that the disk refused */
#define BATCH_BYTES (WRITER_BACKLOG_BYTES / 4) /* of lines in one write: they cannot be given up meanwhile */

void writer_destroy(struct writer *writer)
{
	journal_file_close(&writer->journal);
	closep(&writer->dir_fd);
	closep(&writer->event_fd);
	line_queue_clear(&writer->lines);
	line_queue_clear(&writer->batch);
	for (size_t i = 0; i < WRITER_FILES_N; i++)
		free(writer->slot[i].text);
	pthread_mutex_destroy(&writer->lock);
	pthread_cond_destroy(&writer->wake);
	free(writer);
}

void writer_finish(struct writer *writer, struct waiter **list, int error)
{
	struct waiter *waiter;

	while ((waiter = *list)) {
		*list = waiter->next;
		waiter->next = NULL;
		waiter->error = error;
		*writer->finished_last = waiter;
		writer->finished_last = &waiter->next;
	}
}

static void operation_begins(struct writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	writer->busy_since_ms = MAX(1, clock_now_ms());
	pthread_mutex_unlock(&writer->lock);
}

/* Takes waiting lines into the batch: as many as fit before the next rotation, one at least. */
static bool take_batch(struct writer *writer)
{
	struct line_queue *lines = &writer->lines, *batch = &writer->batch;
	bool some;

	pthread_mutex_lock(&writer->lock);
	while (lines->first) {
		size_t bytes = batch->bytes + lines->first->length;

		if (batch->first && (bytes > BATCH_BYTES || journal_file_full(&writer->journal, bytes)))
			break;
		line_queue_put(batch, line_queue_take(lines));
	}
	some = batch->first;
	pthread_mutex_unlock(&writer->lock);
	return some;
}

/* The batch is changed by this thread alone: it may be read without the lock. */
static int write_batch(struct writer *writer)
{
	_cleanup_(freep) char *text = line_queue_text(&writer->batch);
	int err;

	if (!text)
		return -ENOMEM;
	if (journal_file_full(&writer->journal, writer->batch.bytes)) {
		err = journal_file_rotate(&writer->journal);
		if (err < 0)
			log_error("journal: rotating %s: %s: tried again with the next lines", JOURNAL_FILE,
				  strerror(-err));
	}
	return journal_file_append(&writer->journal, text, writer->batch.bytes);
}

static void batch_ends(struct writer *writer, int error)
{
	uint64_t lost = 0;

	pthread_mutex_lock(&writer->lock);
	if (error < 0) { /* back in front of what came meanwhile */
		line_queue_move(&writer->batch, &writer->lines);
		line_queue_move(&writer->lines, &writer->batch);
	} else {
		line_queue_clear(&writer->batch);
		lost = writer->lost - writer->lost_told;
		writer->lost_told = writer->lost;
	}
	writer->journal_error = error;
	writer->busy_since_ms = 0;
	pthread_mutex_unlock(&writer->lock);
	if (lost > 0)
		log_error("journal: it can be written again; %llu lines were lost while it could not",
			  (unsigned long long)lost);
}

static void write_lines(struct writer *writer)
{
	int error = 0;

	while (error == 0 && take_batch(writer)) {
		operation_begins(writer);
		error = write_batch(writer);
		batch_ends(writer, error);
	}
}

static void save_file(struct writer *writer, struct writer_slot *slot)
{
	_cleanup_(freep) char *text = NULL;
	uint64_t one = 1;
	int error;

	pthread_mutex_lock(&writer->lock);
	text = TAKE_PTR(slot->text);
	if (text) {
		slot->running = TAKE_PTR(slot->waiting);
		slot->waiting_last = &slot->waiting;
	}
	pthread_mutex_unlock(&writer->lock);
	if (!text)
		return;
	operation_begins(writer);
	error = state_file_replace(&slot->file, text, strlen(text));
	pthread_mutex_lock(&writer->lock);
	writer_finish(writer, &slot->running, error);
	slot->error = error;
	writer->busy_since_ms = 0;
	pthread_mutex_unlock(&writer->lock);
	if (write(writer->event_fd, &one, sizeof(one)) < 0)
		log_error("state: telling the loop that it is saved: %s", strerror(errno));
}

void writer_round(struct writer *writer)
{
	write_lines(writer);
	for (size_t i = 0; i < WRITER_FILES_N; i++)
		save_file(writer, &writer->slot[i]);
}

static bool has_text(const struct writer *writer)
{
	for (size_t i = 0; i < WRITER_FILES_N; i++)
		if (writer->slot[i].text)
			return true;
	return false;
}

/* Sleeps until there is work. Returns whether the round that follows is the last one. */
static bool wait_for_work(struct writer *writer)
{
	struct timespec until;
	int err = 0;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += RETRY_S;
	pthread_mutex_lock(&writer->lock);
	/* While an error stands, lines wait for the next attempt, not for more lines. */
	while (err == 0 && !writer->stop && !has_text(writer) && !(writer->lines.first && writer->journal_error == 0)) {
		if (writer->lines.first)
			err = pthread_cond_timedwait(&writer->wake, &writer->lock, &until);
		else
			err = pthread_cond_wait(&writer->wake, &writer->lock);
	}
	stop = writer->stop;
	pthread_mutex_unlock(&writer->lock);
	return stop;
}

void *writer_thread(void *arg)
{
	struct writer *writer = arg;
	bool last, abandoned;

	do {
		last = wait_for_work(writer);
		writer_round(writer);
	} while (!last);
	pthread_mutex_lock(&writer->lock);
	writer->ended = true;
	abandoned = writer->abandoned;
	pthread_mutex_unlock(&writer->lock);
	if (abandoned)
		writer_destroy(writer);
	return NULL;
}
