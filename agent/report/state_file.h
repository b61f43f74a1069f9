/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A state file: two files of the same size, state.json and state.spare, filled with spaces behind their text so that
 * both stay JSON. A new text is written over the spare, synced, and the two names are swapped: there is a whole state
 * file at any time, and a rewrite needs no new block, so that a full disk does not stop it. (A file system that
 * copies on write takes new blocks nevertheless.) Every call may block on the disk.
 */
#ifndef MUSTER_STATE_FILE_H
#define MUSTER_STATE_FILE_H

#include "../base.h"

#define STATE_FILE       "state.json"
#define STATE_FILE_SPARE "state.spare"
#define STATE_FILE_BYTES (256 * 1024) /* each, at least */

#define STATE_STEM      "state"
#define STATE_NAME_SIZE 32

struct state_file {
	int dir_fd;           /* borrowed */
	const char *stem;     /* of the names: "state" */
	size_t least_bytes;   /* of each of the two */
	bool folder_unsynced; /* a swap whose folder entries are not on disk yet: the spare must not be touched */
};

/* Of that stem, and at least so many bytes each. Makes nothing yet. */
void state_file_init(struct state_file *file, int dir_fd, const char *stem, size_t least_bytes);
/*
 * Makes both files where they are missing, so that no later rewrite needs room. A state file of spaces alone stands for "none
 * yet". 0 or -errno. Without it the first replacement makes them.
 */
int state_file_prepare(struct state_file *file);

/* Replaces the text, durably. On failure (-errno) STEM.json holds what it held before, or the new text. */
int state_file_replace(struct state_file *file, const char *text, size_t length);

/* The text without the spaces behind, owned by the caller; *out NULL when there is none. */
int state_file_read(int dir_fd, const char *stem, char **out);

#endif
