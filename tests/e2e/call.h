/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A call to the control socket of an agent that may die in the middle of it. */
#ifndef CALL_H
#define CALL_H

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define CALL_NOT_HEARD  (-1) /* nobody listens: nothing was asked */
#define CALL_UNANSWERED 0    /* asked, and no answer came */
#define CALL_LONGEST_S  60

static int call_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval longest = {.tv_sec = CALL_LONGEST_S};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof(longest));
	return fd;
}

/* All that comes until the other side closes; NULL: the connection broke. To be freed. */
static char *call_read(int fd)
{
	size_t room = 65536, used = 0;
	char *text = malloc(room + 1);
	ssize_t n;

	while (text && ((n = recv(fd, text + used, room - used, 0)) > 0 || (n < 0 && errno == EINTR))) {
		used += n > 0 ? (size_t)n : 0;
		if (used == room)
			text = realloc(text, (room *= 2) + 1);
	}
	if (!text || n < 0) {
		free(text);
		return NULL;
	}
	text[used] = '\0';
	return text;
}

/* The HTTP status, with the document in *out (NULL: not wanted; else a new reference, or NULL); or one of the above. */
static int call(const char *path, const char *method, const char *what, json_t *body, json_t **out)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : strdup(""), *answer, *content, *request;
	int fd = call_connect(path), status = CALL_UNANSWERED, length;
	json_t *document;

	json_decref(body);
	if (out)
		*out = NULL;
	length = asprintf(&request,
			  "%s %s HTTP/1.1\r\nHost: muster\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
			  method, what, strlen(text), text);
	free(text);
	if (fd < 0) {
		free(request);
		return CALL_NOT_HEARD;
	}
	answer = send(fd, request, (size_t)length, MSG_NOSIGNAL) == length ? call_read(fd) : NULL;
	free(request);
	close(fd);
	content = answer ? strstr(answer, "\r\n\r\n") : NULL;
	document = content ? json_loads(content, JSON_REJECT_DUPLICATES, NULL) : NULL;
	/* Half an answer is none. */
	if (document && sscanf(answer, "HTTP/1.%*d %d", &status) != 1)
		status = CALL_UNANSWERED;
	if (out && status > 0)
		*out = json_incref(document);
	json_decref(document);
	free(answer);
	return status;
}

#endif
