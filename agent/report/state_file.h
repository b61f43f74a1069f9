/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state file: two files of the same size, state.json and state.spare, filled with spaces behind their text so that
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

struct state_file {
	int dir_fd;           /* borrowed */
	bool folder_unsynced; /* a swap whose folder entries are not on disk yet: the spare must not be touched */
};

/* Makes both files where they are missing. A state file of spaces alone stands for "none yet". 0 or -errno. */
int state_file_prepare(struct state_file *file, int dir_fd);

/* Replaces the text, durably. On failure (-errno) state.json holds what it held before, or the new text. */
int state_file_replace(struct state_file *file, const char *text, size_t length);

/* The text without the spaces behind, owned by the caller; *out NULL when there is none. */
int state_file_read(int dir_fd, char **out);

#endif
