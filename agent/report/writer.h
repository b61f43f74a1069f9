/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one thread that makes things durable. The loop hands work over and is told on the loop when it is on disk;
 * the loop itself never writes a file nor calls fsync.
 */
#ifndef MUSTER_WRITER_H
#define MUSTER_WRITER_H

#include <systemd/sd-event.h>

#include "../base.h"

struct writer;

/* On the loop: the work is durable (0) or failed (-errno). */
typedef void (*writer_done_fn)(void *context, int error);

struct writer_conf {
	const char *dir; /* state folder; made when missing, 0750 */
	uint64_t journal_max_bytes;
	uint32_t journal_keep;
};

/* Cuts a torn last line off the journal, opens both files, starts the thread. `why` says what failed. */
int writer_new(struct writer **out, sd_event *event, const struct writer_conf *conf, char *why, size_t n);
/* Finishes what was handed over (at most `wait_ms`), then stops the thread. */
void writer_free(struct writer **writer);

/* Appends one line (no newline in it; copied) to the journal. Lines handed over together share one fdatasync. */
void writer_append(struct writer *writer, const char *line);
/*
 * Replaces the state file by `text` (copied), durably: written into the spare of two preallocated files, synced,
 * renamed over, folder synced. Calls done on the loop. Later calls overtake queued earlier ones (all get done).
 */
void writer_replace(struct writer *writer, const char *text, writer_done_fn done, void *context);

/* How long the operation under way has been going, ms; 0: idle. */
int64_t writer_busy_ms(struct writer *writer);
/* Last error of the journal or the state file (-errno), 0: none since the last success. */
int writer_error(struct writer *writer);

/* The state file's text, owned by the caller; *out NULL when there is none. Called before the loop runs. */
int writer_read_state(const char *dir, char **out);

#endif
