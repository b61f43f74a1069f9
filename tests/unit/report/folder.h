/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A folder of its own for each test, and its files as strings. */
#ifndef TEST_FOLDER_H
#define TEST_FOLDER_H

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define FOLDER_SIZE 64

static inline void folder_make(char out[FOLDER_SIZE])
{
	snprintf(out, FOLDER_SIZE, "/tmp/muster-test-XXXXXX");
	if (!mkdtemp(out))
		fail_msg("making a folder under /tmp for the test failed");
}

static inline void folder_remove(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(folder);
}

static inline char *folder_path(const char *folder, const char *name, char out[2 * FOLDER_SIZE])
{
	snprintf(out, (size_t)2 * FOLDER_SIZE, "%s/%s", folder, name);
	return out;
}

/* A file's content, owned by the caller; NULL when there is no such file. */
static inline char *folder_read(const char *folder, const char *name, size_t *length)
{
	char path[2 * FOLDER_SIZE];
	FILE *file = fopen(folder_path(folder, name, path), "r");
	struct stat st;
	char *text;

	if (!file)
		return NULL;
	fstat(fileno(file), &st);
	text = calloc(1, (size_t)st.st_size + 1);
	if (length)
		*length = fread(text, 1, (size_t)st.st_size, file);
	else if (fread(text, 1, (size_t)st.st_size, file) != (size_t)st.st_size)
		fail_msg("%s could not be read whole", path);
	fclose(file);
	return text;
}

static inline void folder_write(const char *folder, const char *name, const char *text, size_t length)
{
	char path[2 * FOLDER_SIZE];
	FILE *file = fopen(folder_path(folder, name, path), "w");

	if (!file || fwrite(text, 1, length, file) != length)
		fail_msg("%s could not be written", path);
	fclose(file);
}

#endif
