/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The writer from the inside: what its thread (writer_thread.c) and the loop (writer.c) share. */
#ifndef MUSTER_WRITER_THREAD_H
#define MUSTER_WRITER_THREAD_H

#include <pthread.h>

#include "journal_file.h"
#include "line_queue.h"
#include "state_file.h"
#include "writer.h"

/* Somebody who wants to know when the state is on disk. */
struct waiter {
	struct waiter *next;
	writer_done_fn done;
	void *context;
	int error;
};

/* One of the files: what waits to be written to it. */
struct writer_slot {
	char *text;                             /* newest, or NULL */
	struct waiter *waiting, **waiting_last; /* for `text` */
	struct waiter *running;                 /* for the text being saved */
	int error;                              /* the last one's */
	struct state_file file;                 /* the thread's alone */
};

struct writer {
	/* the loop's alone */
	sd_event_source *source;
	pthread_t thread;

	int event_fd; /* the thread's word to the loop: `finished` is not empty */

	/* under the lock, which is held for a few instructions, never over a call that may wait for the disk */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct line_queue lines; /* to be written */
	struct line_queue batch; /* being written; back in front of `lines` on failure */
	struct writer_slot slot[WRITER_FILES_N];
	struct waiter *finished, **finished_last; /* for the loop to call */
	int64_t busy_since_ms;                    /* CLOCK_BOOTTIME; 0: idle */
	int journal_error;
	uint64_t lost, lost_told; /* journal lines given up; of these in the log */
	bool stop;                /* one last round, then end */
	bool ended;               /* the thread touches nothing any more */
	bool abandoned;           /* the loop has let go: the thread frees */

	/* the thread's alone */
	int dir_fd;
	struct journal_file journal;
};

void *writer_thread(void *writer);
/* Writes what waits: the thread's work, or the loop's once the thread has ended. */
void writer_round(struct writer *writer);
/* By whichever of loop and thread lets go last. */
void writer_destroy(struct writer *writer);
/* Moves all of a list of waiters to `finished`. Under the lock. */
void writer_finish(struct writer *writer, struct waiter **list, int error);

#endif
