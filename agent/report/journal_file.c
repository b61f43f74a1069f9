// SPDX-License-Identifier: GPL-2.0-or-later
#include "journal_file.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>

#include "../log.h"
#include "file_io.h"

#define TAIL_BYTES (1024 * 1024) /* how far back a torn end is looked for */

const char *journal_file_name(unsigned number, char name[JOURNAL_FILE_NAME])
{
	if (number == 0)
		snprintf(name, JOURNAL_FILE_NAME, "%s", JOURNAL_FILE);
	else
		snprintf(name, JOURNAL_FILE_NAME, "journal.%u.jsonl", number);
	return name;
}

static bool is_json_object(const char *line, size_t length)
{
	json_t *value = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	bool object = json_is_object(value);

	json_decref(value);
	return object;
}

/* How many of the first bytes of `text` are whole, good lines as far as the end can be judged. */
static size_t good_length(const char *text, size_t length)
{
	while (length > 0) {
		const char *newline = memrchr(text, '\n', length);
		const char *before;
		size_t start;

		if (!newline)
			return 0;
		length = (size_t)(newline - text) + 1;
		before = memrchr(text, '\n', length - 1);
		start = before ? (size_t)(before - text) + 1 : 0;
		if (is_json_object(text + start, length - 1 - start))
			return length;
		length = start;
	}
	return 0;
}

/* A crash leaves at most the last batch torn: it was never said to be on disk, so it may go. */
static int cut_torn_end(struct journal_file *file, uint64_t size)
{
	_cleanup_(freep) char *text = NULL;
	uint64_t from = size - MIN(size, (uint64_t)TAIL_BYTES);
	size_t window, good;
	int err = file_read(file->fd, (size_t)(size - from), from, &text, &window);

	if (err < 0)
		return err;
	good = good_length(text, window);
	if (good == 0 && from > 0) {
		/* No good line as far as one can see: cut the last one, leave the rest to whoever reads it. */
		char *newline = memrchr(text, '\n', window);

		good = newline ? (size_t)(newline - text) + 1 : 0;
	}
	file->length = from + good;
	if (file->length == size)
		return 0;
	if (ftruncate(file->fd, (off_t)file->length) < 0 || fdatasync(file->fd) < 0)
		return -errno;
	file->cut_bytes = size - file->length;
	return 0;
}

static int sync_folder(struct journal_file *file)
{
	if (!file->folder_unsynced)
		return 0;
	if (fsync(file->dir_fd) < 0)
		return -errno;
	file->folder_unsynced = false;
	return 0;
}

/* Opens whatever bears the name now: an operator may have moved the file away. */
static int open_current(struct journal_file *file)
{
	struct stat st;
	int fd = openat(file->dir_fd, JOURNAL_FILE, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	int err;

	if (fd < 0 && errno == ENOENT) {
		fd = openat(file->dir_fd, JOURNAL_FILE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
		file->folder_unsynced = true;
	}
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	closep(&file->fd);
	file->fd = fd;
	err = cut_torn_end(file, (uint64_t)st.st_size);
	if (err < 0)
		closep(&file->fd);
	return err;
}

int journal_file_open(struct journal_file *file, int dir_fd, uint64_t max_bytes, uint32_t keep)
{
	int err;

	*file = (struct journal_file){.dir_fd = dir_fd, .fd = -1, .max_bytes = max_bytes, .keep = keep};
	err = open_current(file);
	return err < 0 ? err : sync_folder(file);
}

void journal_file_close(struct journal_file *file)
{
	closep(&file->fd);
}

/* The file as it must be before a write: the one that bears the name, as long as what is known to be good. */
static int settle(struct journal_file *file)
{
	struct stat named, ours;
	bool gone = fstatat(file->dir_fd, JOURNAL_FILE, &named, AT_SYMLINK_NOFOLLOW) < 0;
	int err;

	if (gone && errno != ENOENT)
		return -errno;
	if (file->fd < 0 || gone || fstat(file->fd, &ours) < 0 || ours.st_ino != named.st_ino ||
	    ours.st_dev != named.st_dev) {
		err = open_current(file);
		if (err < 0)
			return err;
	} else if ((uint64_t)ours.st_size < file->length) {
		file->length = (uint64_t)ours.st_size; /* emptied by hand; a hole of zeros would follow else */
	} else if ((uint64_t)ours.st_size > file->length) {
		if (ftruncate(file->fd, (off_t)file->length) < 0)
			return -errno;
	}
	return sync_folder(file);
}

int journal_file_append(struct journal_file *file, const char *text, size_t length)
{
	int err = settle(file);

	if (err < 0)
		return err;
	err = file_write(file->fd, text, length, file->length);
	if (err == 0 && fdatasync(file->fd) < 0)
		err = -errno;
	if (err < 0) {
		/* Should this fail too, settle() sees before the next write that the file is too long. */
		if (ftruncate(file->fd, (off_t)file->length) < 0)
			log_debug("journal: cutting a half-written batch off: %s", strerror(errno));
		return err;
	}
	file->length += length;
	return 0;
}

bool journal_file_full(const struct journal_file *file, size_t length)
{
	return file->max_bytes > 0 && file->length > 0 && file->length + length > file->max_bytes;
}

int journal_file_rotate(struct journal_file *file)
{
	char from[JOURNAL_FILE_NAME], to[JOURNAL_FILE_NAME];

	for (unsigned number = file->keep; number > 0; number--) {
		journal_file_name(number - 1, from);
		journal_file_name(number, to);
		if (renameat(file->dir_fd, from, file->dir_fd, to) < 0 && errno != ENOENT)
			return -errno;
	}
	if (file->keep == 0 && unlinkat(file->dir_fd, JOURNAL_FILE, 0) < 0 && errno != ENOENT)
		return -errno;
	file->folder_unsynced = true;
	return settle(file);
}

int journal_file_tail(int dir_fd, const char *name, size_t most, char **out)
{
	_cleanup_(closep) int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(freep) char *text = NULL;
	struct stat st = {0};
	size_t length, skip = 0;
	uint64_t from;
	char *newline;
	int err;

	if (fd < 0 && errno != ENOENT)
		return -errno;
	if (fd >= 0 && fstat(fd, &st) < 0)
		return -errno;
	from = (uint64_t)st.st_size - MIN((uint64_t)st.st_size, (uint64_t)most);
	err = file_read(fd, (size_t)((uint64_t)st.st_size - from), from, &text, &length);
	if (err < 0)
		return err;
	if (from > 0) { /* the window begins within a line */
		newline = memchr(text, '\n', length);
		skip = newline ? (size_t)(newline - text) + 1 : length;
	}
	newline = memrchr(text + skip, '\n', length - skip);
	length = newline ? (size_t)(newline - text) + 1 - skip : 0;
	memmove(text, text + skip, length);
	text[length] = '\0';
	*out = TAKE_PTR(text);
	return 0;
}
