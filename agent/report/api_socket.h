/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket's file: how it is made, whom it lets in, and who is at the other end. */
#ifndef MUSTER_API_SOCKET_H
#define MUSTER_API_SOCKET_H

#include <sys/stat.h>

#include "api.h"

struct api_socket {
	int fd;
	char *path;
	dev_t dev; /* of the file we made: no other is unlinked */
	ino_t ino;
};

/* Listens on conf->socket, 0660 root:group from its first moment. -EADDRINUSE: somebody answers there. */
int api_socket_open(struct api_socket *out, const struct api_conf *conf, char *why, size_t n);
/* Closes it, unless the fd was taken, and unlinks its file. */
void api_socket_close(struct api_socket *socket);

/* Fills all of *out but its name. */
void api_socket_peer(int fd, struct api_peer *out);
/* As whom this very process would be known at a control socket; all but the name. */
void api_socket_self(struct api_peer *out);
/* "alice (uid 1000)", or "uid 1000" when the host knows no name. May ask a directory service. */
void api_peer_name(uid_t uid, char *out, size_t n);

#endif
