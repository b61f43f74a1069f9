// SPDX-License-Identifier: GPL-2.0-or-later
#include "api_socket.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../log.h"

#define BACKLOG 64

static int address_of(const char *path, struct sockaddr_un *out, char *why, size_t n)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(out->sun_path)) {
		snprintf(why, n, "control socket %s: the path is longer than %zu bytes; name a shorter one", path,
			 sizeof(out->sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(out->sun_path, path, strlen(path) + 1);
	return 0;
}

static int make_folder(const char *path, char *why, size_t n)
{
	_cleanup_(freep) char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	int err;

	if (!folder)
		return -ENOMEM;
	if (!slash || slash == folder)
		return 0;
	*slash = '\0';
	if (mkdir(folder, 0755) < 0) {
		if (errno == EEXIST)
			return 0;
		err = -errno;
		snprintf(why, n, "making %s for the control socket: %s; make it, or name another path with socket",
			 folder, strerror(-err));
		return err;
	}
	/* Whatever the umask: the group must be able to reach the socket. */
	return chmod(folder, 0755) < 0 ? -errno : 0;
}

/* Takes a socket away that nobody answers on. Only ECONNREFUSED says so, and only of a socket. */
static int clear_path(const struct sockaddr_un *addr, char *why, size_t n)
{
	_cleanup_(closep) int fd = -1;
	struct stat st;

	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(why, n, "control socket %s: something that is no socket is there; move it away",
			 addr->sun_path);
		return -EADDRINUSE;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0) {
		snprintf(why, n,
			 "control socket %s: another program answers on it, most likely a musterd; stop it, "
			 "or name another path with socket",
			 addr->sun_path);
		return -EADDRINUSE;
	}
	if (errno != ECONNREFUSED) {
		snprintf(why, n, "control socket %s: asking whether somebody answers on it: %s; it is left alone",
			 addr->sun_path, strerror(errno));
		return -EADDRINUSE;
	}
	return unlink(addr->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static gid_t group_id(const char *name)
{
	struct group *group = name && *name ? getgrnam(name) : NULL;

	if (name && *name && !group)
		log_warning("control socket: no group %s on this host: only root may use the socket; make it with "
			    "groupadd --system %s",
			    name, name);
	return group ? group->gr_gid : 0;
}

static int bind_and_listen(struct api_socket *sock, const struct sockaddr_un *addr, const char *group)
{
	/* 0600 at birth: between bind and chown nobody else gets in. */
	mode_t before = umask(0177);
	int err = bind(sock->fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? -errno : 0;
	struct stat st;

	umask(before);
	if (err < 0)
		return err;
	if (lstat(addr->sun_path, &st) < 0)
		return -errno;
	sock->dev = st.st_dev;
	sock->ino = st.st_ino;
	if (lchown(addr->sun_path, (uid_t)-1, group_id(group)) < 0)
		log_warning("control socket %s: giving it to group %s: %s: only root may use it; start musterd as root",
			    addr->sun_path, group ? group : "root", strerror(errno));
	if (chmod(addr->sun_path, 0660) < 0 || listen(sock->fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

int api_socket_open(struct api_socket *out, const struct api_conf *conf, char *why, size_t n)
{
	struct api_socket sock = {.fd = -1};
	struct sockaddr_un addr;
	int err = address_of(conf->socket, &addr, why, n);

	if (err < 0)
		return err;
	why[0] = '\0';
	err = make_folder(conf->socket, why, n);
	if (err == 0)
		err = clear_path(&addr, why, n);
	if (err == 0) {
		sock.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		sock.path = strdup(conf->socket);
		err = sock.fd < 0 ? -errno : sock.path ? 0 : -ENOMEM;
	}
	if (err == 0)
		err = bind_and_listen(&sock, &addr, conf->group);
	if (err < 0) {
		if (!why[0])
			snprintf(why, n, "control socket %s: listening: %s", conf->socket, strerror(-err));
		api_socket_close(&sock);
		return err;
	}
	*out = sock;
	return 0;
}

void api_socket_close(struct api_socket *sock)
{
	struct stat st;

	closep(&sock->fd);
	if (sock->ino && lstat(sock->path, &st) == 0 && st.st_dev == sock->dev && st.st_ino == sock->ino)
		unlink(sock->path);
	freep(&sock->path);
	sock->ino = 0;
}

/* loginuid, from a folder of /proc that is surely the peer's: a pid may have passed on. (uid_t)-1: unset. */
static uid_t login_uid(pid_t pid, uid_t uid)
{
	_cleanup_(closep) int folder = -1;
	_cleanup_(closep) int fd = -1;
	char path[32], text[16];
	struct stat st;
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pid <= 0 || folder < 0 || fstat(folder, &st) < 0 || st.st_uid != uid)
		return (uid_t)-1;
	fd = openat(folder, "loginuid", O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (got <= 0)
		return (uid_t)-1;
	text[got] = '\0';
	return (uid_t)strtoul(text, NULL, 10);
}

void api_socket_peer(int fd, struct api_peer *out)
{
	struct ucred cred;
	socklen_t length = sizeof(cred);
	uid_t login;

	*out = (struct api_peer){.uid = (uid_t)-1, .owner = (uid_t)-1};
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length) < 0) {
		log_warning("control socket: asking who is at the other end: %s", strerror(errno));
		return;
	}
	login = login_uid(cred.pid, cred.uid);
	out->pid = cred.pid;
	out->uid = cred.uid;
	out->owner = login == (uid_t)-1 ? cred.uid : login;
}

void api_socket_self(struct api_peer *out)
{
	const uid_t uid = geteuid(), login = login_uid(getpid(), uid);

	*out = (struct api_peer){.pid = getpid(), .uid = uid, .owner = login == (uid_t)-1 ? uid : login};
}

void api_peer_name(uid_t uid, char *out, size_t n)
{
	struct passwd entry, *found = NULL;
	char buffer[4096];

	if (getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) == 0 && found)
		snprintf(out, n, "%s (uid %u)", found->pw_name, (unsigned)uid);
	else
		snprintf(out, n, "uid %u", (unsigned)uid);
}
