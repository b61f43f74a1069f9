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

/* What is kept whole: a pair of files each (state_file.h), STEM.json and STEM.spare, at least so many bytes. */
/* clang-format off */
#define WRITER_FILES(X) \
	/* NAME    stem       bytes */ \
	X(STATE,   "state",   256 * 1024)  /* orders and servers by command */ \
	X(HISTORY, "history", 64 * 1024)   /* what each server carried */ \
	X(CONFIGS, "configs", 64 * 1024)   /* the last configurations, and which is in force */ \
	X(ALERTS,  "alerts",  64 * 1024)   /* what is wrong, and what receivers are owed */
/* clang-format on */
enum writer_file {
#define X(NAME, stem, bytes) WRITER_##NAME,
	WRITER_FILES(X)
#undef X
		WRITER_FILES_N
};

/* On the loop: the work is durable (0) or failed (-errno; -ECANCELED: writer_free() could not wait for it). */
typedef void (*writer_done_fn)(void *context, int error);

struct writer_conf {
	const char *dir; /* state folder; made when missing, 0750 */
	uint64_t journal_max_bytes;
	uint32_t journal_keep;
};

#define WRITER_DRAIN_MS      5000          /* longest wait of writer_free() */
#define WRITER_BACKLOG_BYTES (1024 * 1024) /* of journal lines that wait for the disk; then the oldest go */

/*
 * Cuts a torn last line off the journal, prepares the state files, starts the thread. `why` says what failed. A disk
 * that is full, fails or is read-only is no failure: the writer starts, and writer_error() says it.
 */
int writer_new(struct writer **out, sd_event *event, const struct writer_conf *conf, char *why, size_t n);
/*
 * Finishes what was handed over (for at most WRITER_DRAIN_MS), calls every done that is due, then stops the thread. A
 * disk operation that hangs is left behind.
 */
void writer_free(struct writer **writer);

/*
 * Appends one line (no newline in it; copied) to the journal. Lines handed over together share one fdatasync. Lines that
 * could not be written are kept and tried again each second.
 */
void writer_append(struct writer *writer, const char *line);
/*
 * Replaces one of the files by `text` (copied), durably: written into the spare of two preallocated files, synced,
 * swapped by rename, folder synced. Journal lines handed over before are tried first. Calls done (may be NULL) on the
 * loop. Later calls overtake queued earlier ones for the same file (all get done).
 */
void writer_replace(struct writer *writer, enum writer_file which, const char *text, writer_done_fn done,
		    void *context);

/* How long the operation under way has been going, ms; 0: idle. */
int64_t writer_busy_ms(struct writer *writer);
/* Last error of the journal or the state file (-errno), 0: none since the last success. */
int writer_error(struct writer *writer);
/* Journal lines given up because the disk took none for too long. */
uint64_t writer_lines_lost(struct writer *writer);

/* A file's text, owned by the caller; *out NULL when there is none. Called before the loop runs. */
int writer_read(const char *dir, enum writer_file which, char **out);

#endif
