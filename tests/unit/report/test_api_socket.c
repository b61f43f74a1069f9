// SPDX-License-Identifier: GPL-2.0-or-later
#include "folder.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "log.h"
#include "report/api_socket.h"

struct fixture {
	char folder[FOLDER_SIZE], path[2 * FOLDER_SIZE];
	struct api_socket socket;
	char why[256];
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){.socket.fd = -1};
	log_set_level(LOG_LEVEL_ERROR - 1);
	folder_make(f.folder);
	folder_path(f.folder, "sock", f.path);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	api_socket_close(&f->socket);
	folder_remove(f->folder);
	return 0;
}

static int open_socket(struct fixture *f, const char *group)
{
	const struct api_conf conf = {.socket = f->path, .group = group};

	return api_socket_open(&f->socket, &conf, f->why, sizeof(f->why));
}

static void expect_opened(struct fixture *f, const char *group)
{
	if (open_socket(f, group) < 0)
		fail_msg("the socket could not be made: %s", f->why);
}

/* A socket file that a program left behind when it was killed. */
static void leave_stale(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(addr.sun_path, path, strlen(path) + 1);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		fail_msg("no stale socket could be made");
	close(fd);
}

static void test_rights(void **state)
{
	struct fixture *f = *state;
	struct group *group = getgrnam("daemon");
	mode_t before = umask(0);
	struct stat st;

	expect_opened(f, "daemon");
	assert_int_equal(lstat(f->path, &st), 0);
	if ((st.st_mode & 07777) != 0660)
		fail_msg("the socket's rights are %o, not 660", st.st_mode & 07777);
	if (getuid() == 0 && group && st.st_gid != group->gr_gid)
		fail_msg("the socket belongs to group %u, not to %s", st.st_gid, group->gr_name);
	assert_int_equal(umask(before), 0); /* the umask was put back */
}

static void test_unknown_group_is_roots(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	expect_opened(f, "no-such-group");
	assert_int_equal(lstat(f->path, &st), 0);
	assert_int_equal(st.st_gid, getgid());
	assert_int_equal(st.st_mode & 07777, 0660);
}

static void test_folder_is_made(void **state)
{
	struct fixture *f = *state;
	char folder[2 * FOLDER_SIZE];
	mode_t before = umask(077);
	struct stat st;

	folder_path(f->folder, "run", folder);
	snprintf(f->path, sizeof(f->path), "%s/run/sock", f->folder);
	expect_opened(f, NULL);
	umask(before);
	assert_int_equal(stat(folder, &st), 0);
	if ((st.st_mode & 07777) != 0755)
		fail_msg("the folder's rights are %o, not 755", st.st_mode & 07777);
	api_socket_close(&f->socket);
	rmdir(folder);
}

static void test_stale_one_is_replaced(void **state)
{
	struct fixture *f = *state;

	leave_stale(f->path);
	expect_opened(f, NULL);
	api_socket_close(&f->socket);
	if (access(f->path, F_OK) == 0)
		fail_msg("the socket's file stays after the end");
}

static void test_one_that_answers_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct api_socket first;

	expect_opened(f, NULL);
	first = f->socket;
	f->socket = (struct api_socket){.fd = -1};
	assert_int_equal(open_socket(f, NULL), -EADDRINUSE);
	if (!strstr(f->why, f->path) || !strstr(f->why, "musterd"))
		fail_msg("the message does not say who is there: %s", f->why);
	api_socket_close(&f->socket);
	if (access(f->path, F_OK) < 0)
		fail_msg("the other program's socket was unlinked");
	f->socket = first;
}

static void test_what_is_no_socket_is_left_alone(void **state)
{
	struct fixture *f = *state;

	folder_write(f->folder, "sock", "precious", 8);
	assert_int_equal(open_socket(f, NULL), -EADDRINUSE);
	if (access(f->path, F_OK) < 0)
		fail_msg("a file that is no socket was unlinked");
}

static void test_only_its_own_file_is_unlinked(void **state)
{
	struct fixture *f = *state;

	expect_opened(f, NULL);
	unlink(f->path);
	folder_write(f->folder, "sock", "another's", 9);
	api_socket_close(&f->socket);
	if (access(f->path, F_OK) < 0)
		fail_msg("a file that took the socket's place was unlinked");
}

static void test_long_path(void **state)
{
	struct fixture *f = *state;

	memset(f->path, 'x', sizeof(f->path) - 1);
	assert_int_equal(open_socket(f, NULL), -ENAMETOOLONG);
	if (!strstr(f->why, "107 bytes"))
		fail_msg("the message does not say how long a path may be: %s", f->why);
}

static void test_peer(void **state)
{
	struct api_peer peer;
	char name[64];
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	api_socket_peer(ends[0], &peer);
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.uid, getuid());
	api_peer_name(0, name, sizeof(name));
	assert_string_equal(name, "root (uid 0)");
	api_peer_name(3999999999U, name, sizeof(name));
	assert_string_equal(name, "uid 3999999999");
	close(ends[0]);
	close(ends[1]);
}

/* In a child: a login user, once set, may be for good. Exit 0: known, 1: not, 77: this kernel keeps none. */
static int peer_with_login(void)
{
	struct api_peer peer;
	int ends[2];
	int fd = open("/proc/self/loginuid", O_WRONLY);

	if (fd < 0 || write(fd, "1234", 4) != 4 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return 77;
	api_socket_peer(ends[0], &peer);
	return peer.uid == getuid() && peer.owner == 1234 ? 0 : 1;
}

static void test_owner_is_who_logged_in(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0)
		_exit(peer_with_login());
	waitpid(pid, &status, 0);
	if (WEXITSTATUS(status) == 77) {
		print_message("# this kernel keeps no login user, or it cannot be set without root\n");
		skip();
	}
	if (status != 0)
		fail_msg("the peer's login user was not taken as the owner");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rights, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_group_is_roots, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folder_is_made, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_one_is_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_that_answers_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_socket_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_its_own_file_is_unlinked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_path, setup, teardown),
		cmocka_unit_test(test_peer),
		cmocka_unit_test(test_owner_is_who_logged_in),
	};

	return cmocka_run_group_tests_name("report/api_socket", tests, NULL, NULL);
}
