/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal's files on disk: journal.jsonl, and the rotated journal.1.jsonl (the newest) to journal.N.jsonl. Every
 * call may block on the disk: only the writer thread calls them once it runs.
 */
#ifndef MUSTER_JOURNAL_FILE_H
#define MUSTER_JOURNAL_FILE_H

#include "../base.h"

#define JOURNAL_FILE      "journal.jsonl"
#define JOURNAL_FILE_NAME 32 /* room for the name of any of them */

struct journal_file {
	int dir_fd; /* borrowed */
	int fd;
	uint64_t length;    /* bytes on disk for certain; whatever lies behind is cut before the next write */
	uint64_t cut_bytes; /* that the last opening cut off as torn */
	uint64_t max_bytes; /* 0: never rotated */
	uint32_t keep;
	bool folder_unsynced; /* a rename or a new file whose folder entry is not on disk yet */
};

/*
 * Opens the journal, made when missing, and cuts a torn end off: what follows the last newline, and whole last lines
 * that are no JSON object. 0 or -errno; the struct can be used after a failure: the next append tries to open again.
 */
int journal_file_open(struct journal_file *file, int dir_fd, uint64_t max_bytes, uint32_t keep);
void journal_file_close(struct journal_file *file);

/*
 * Appends text that ends with a newline, and waits until it is on disk. All or nothing: on failure (-errno) the file is
 * cut back to where it was, at the latest before the next append.
 */
int journal_file_append(struct journal_file *file, const char *text, size_t length);

/* Whether `length` more bytes call for a rotation first. */
bool journal_file_full(const struct journal_file *file, size_t length);
/* journal.jsonl becomes journal.1.jsonl and so on; the oldest goes. On failure the file at hand stays in use. */
int journal_file_rotate(struct journal_file *file);

/* The name of rotated file `number`; 0: the current one. Returns name. */
const char *journal_file_name(unsigned number, char name[JOURNAL_FILE_NAME]);

/*
 * Reads the end of a journal file, at most `most` bytes and whole lines only, as a string owned by the caller. An empty
 * string when the file is missing or holds no whole line.
 */
int journal_file_tail(int dir_fd, const char *name, size_t most, char **out);

#endif
