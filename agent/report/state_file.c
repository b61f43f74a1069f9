// SPDX-License-Identifier: GPL-2.0-or-later
#include "state_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "file_io.h"

enum name {
	NAME_FILE,
	NAME_SPARE,
	NAME_NEW /* while one of the two is being made */
};

static const char *name_of(const char *stem, enum name which, char out[static STATE_NAME_SIZE])
{
	static const char *const endings[] = {[NAME_FILE] = "json", [NAME_SPARE] = "spare", [NAME_NEW] = "new"};

	snprintf(out, STATE_NAME_SIZE, "%s.%s", stem, endings[which]);
	return out;
}

static int read_whole(int fd, char **out, size_t *length)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return file_read(fd, (size_t)st.st_size, 0, out, length);
}

static int sync_folder(struct state_file *file)
{
	if (!file->folder_unsynced)
		return 0;
	if (fsync(file->dir_fd) < 0)
		return -errno;
	file->folder_unsynced = false;
	return 0;
}

/* A file of spaces, made under another name so that it is whole when it gets its own. */
static int make_blank(struct state_file *file, const char *name, size_t size)
{
	char fresh[STATE_NAME_SIZE];
	_cleanup_(closep) int fd = -1;
	_cleanup_(freep) char *blank = NULL;
	int err;

	name_of(file->stem, NAME_NEW, fresh);
	fd = openat(file->dir_fd, fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -errno;
	blank = malloc(size);
	if (!blank)
		return -ENOMEM;
	memset(blank, ' ', size);
	/* The blocks first: a disk without room says so before anything is written. */
	err = -posix_fallocate(fd, 0, (off_t)size);
	if (err == -EOPNOTSUPP || err == -EINVAL)
		err = 0;
	/* Spaces, not only blocks: an unwritten extent may need a block when it is first written. */
	if (err == 0)
		err = file_write(fd, blank, size, 0);
	if (err == 0 && fdatasync(fd) < 0)
		err = -errno;
	if (err == 0 && renameat(file->dir_fd, fresh, file->dir_fd, name) < 0)
		err = -errno;
	if (err < 0) {
		unlinkat(file->dir_fd, fresh, 0);
		return err;
	}
	file->folder_unsynced = true;
	return 0;
}

static int make_missing(struct state_file *file, enum name which)
{
	char name[STATE_NAME_SIZE];
	struct stat st;

	name_of(file->stem, which, name);
	if (fstatat(file->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISREG(st.st_mode) ? 0 : -EINVAL;
	return errno == ENOENT ? make_blank(file, name, file->least_bytes) : -errno;
}

void state_file_init(struct state_file *file, int dir_fd, const char *stem, size_t least_bytes)
{
	*file = (struct state_file){.dir_fd = dir_fd, .stem = stem, .least_bytes = least_bytes};
}

int state_file_prepare(struct state_file *file)
{
	int err = make_missing(file, NAME_FILE);

	if (err == 0)
		err = make_missing(file, NAME_SPARE);
	return err < 0 ? err : sync_folder(file);
}

/* Where the text ends and the filling begins. */
static size_t used_length(const char *text, size_t length)
{
	while (length > 0 && text[length - 1] == ' ')
		length--;
	return length;
}

static size_t size_for(const struct state_file *file, size_t length)
{
	return MAX(file->least_bytes, (length + length / 2 + 65535) / 65536 * 65536);
}

/* Enlarges the spare to `size` bytes, the new part spaces. */
static int grow(int fd, size_t from, size_t size)
{
	_cleanup_(freep) char *blank = malloc(size - from);
	int err;

	if (!blank)
		return -ENOMEM;
	memset(blank, ' ', size - from);
	err = -posix_fallocate(fd, (off_t)from, (off_t)(size - from));
	if (err < 0 && err != -EOPNOTSUPP && err != -EINVAL)
		return err;
	return file_write(fd, blank, size - from, from);
}

/* Writes over the spare: the text, a newline, and spaces as far as its former content reached. */
static int write_spare(const struct state_file *file, int fd, const char *text, size_t length)
{
	_cleanup_(freep) char *old = NULL;
	_cleanup_(freep) char *content = NULL;
	size_t size, used, total;
	int err = read_whole(fd, &old, &size);

	if (err < 0)
		return err;
	used = used_length(old, size);
	if (length + 1 > size) {
		err = grow(fd, size, size_for(file, length + 1));
		if (err < 0)
			return err;
	}
	total = MAX(used, length + 1);
	content = malloc(total);
	if (!content)
		return -ENOMEM;
	memset(content, ' ', total);
	memcpy(content, text, length);
	content[length] = '\n';
	err = file_write(fd, content, total, 0);
	if (err == 0 && fdatasync(fd) < 0)
		err = -errno;
	return err;
}

/* The two names change places. Where the file system cannot, the spare takes the name alone: still at once. */
static int swap(struct state_file *file)
{
	char name[STATE_NAME_SIZE], spare[STATE_NAME_SIZE];

	name_of(file->stem, NAME_FILE, name);
	name_of(file->stem, NAME_SPARE, spare);
	if (renameat2(file->dir_fd, spare, file->dir_fd, name, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS && errno != ENOENT)
		return -errno;
	return renameat(file->dir_fd, spare, file->dir_fd, name) < 0 ? -errno : 0;
}

/* Makes the other file as large, while there may still be room: the next rewrite is to need no block. */
static void follow_size(struct state_file *file, size_t length)
{
	char spare[STATE_NAME_SIZE];
	_cleanup_(closep) int fd =
		openat(file->dir_fd, name_of(file->stem, NAME_SPARE, spare), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || (size_t)st.st_size > length)
		return;
	if (grow(fd, (size_t)st.st_size, size_for(file, length + 1)) == 0)
		fdatasync(fd);
}

int state_file_replace(struct state_file *file, const char *text, size_t length)
{
	_cleanup_(closep) int fd = -1;
	char spare[STATE_NAME_SIZE];
	int err;

	/* Until the last swap is on disk, a crash may give the spare the name state.json again. */
	err = sync_folder(file);
	if (err == 0)
		err = make_missing(file, NAME_SPARE);
	if (err < 0)
		return err;
	while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == ' '))
		length--;
	/* By name each time: whoever edits the state file by hand leaves other inodes behind the names. */
	fd = openat(file->dir_fd, name_of(file->stem, NAME_SPARE, spare), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	err = write_spare(file, fd, text, length);
	if (err < 0)
		return err;
	err = swap(file);
	if (err < 0)
		return err;
	file->folder_unsynced = true;
	err = sync_folder(file);
	if (err == 0)
		follow_size(file, length);
	else
		swap(file); /* what is refused must not be what the next start reads */
	return err;
}

int state_file_read(int dir_fd, const char *stem, char **out)
{
	char name[STATE_NAME_SIZE];
	_cleanup_(closep) int fd = openat(dir_fd, name_of(stem, NAME_FILE, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(freep) char *text = NULL;
	size_t length;
	int err;

	if (fd < 0) {
		if (errno != ENOENT)
			return -errno;
		*out = NULL;
		return 0;
	}
	err = read_whole(fd, &text, &length);
	if (err < 0)
		return err;
	while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\n'))
		text[--length] = '\0';
	*out = length > 0 ? TAKE_PTR(text) : NULL;
	return 0;
}
