// SPDX-License-Identifier: GPL-2.0-or-later
#include "child.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define EXIT_NOT_RUN 127

struct children {
	sd_event *event; /* borrowed */
	struct child *first;
};

struct child {
	struct children *children;
	struct child *next;
	pid_t pid; /* its process group, too */
	sd_event_source *ended, *timer;
	int64_t time_ms;
	bool too_long;
	child_done_fn done;
	void *context;
};

static void child_free(struct child *child)
{
	for (struct child **at = &child->children->first; *at; at = &(*at)->next)
		if (*at == child) {
			*at = child->next;
			break;
		}
	sd_event_source_disable_unref(child->ended);
	sd_event_source_disable_unref(child->timer);
	free(child);
}

/*
 * In the child: only calls that are safe between fork and exec of a program with threads. Root without no_new_privs would
 * get every capability back at exec; musterd has set that flag before any thread began.
 */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (syscall(SYS_capset, &header, none) < 0)
		_exit(EXIT_NOT_RUN);
}

static void run(const struct child_conf *conf, int input)
{
	const char *environment[CHILD_VARIABLES + 3] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"};
	char *const arguments[] = {(char *)conf->command, NULL};
	struct sigaction plain = {.sa_handler = SIG_DFL};
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	for (size_t i = 0; i < CHILD_VARIABLES && conf->variables[i]; i++)
		environment[2 + i] = conf->variables[i];
	setpgid(0, 0);
	for (int i = 1; i < _NSIG; i++)
		sigaction(i, &plain, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(input, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0 || chdir("/") < 0 || close_range(3, ~0U, 0) < 0)
		_exit(EXIT_NOT_RUN);
	drop_capabilities();
	execve(conf->command, arguments, (char *const *)environment);
	_exit(EXIT_NOT_RUN);
}

/* The document as a file in memory, read from its start: a pipe would have to be fed, and could be left unread. */
static int open_input(const char *text)
{
	_cleanup_(closep) int fd = memfd_create("muster-input", MFD_CLOEXEC);
	size_t length = strlen(text);

	if (fd < 0)
		return -errno;
	if (write(fd, text, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) < 0)
		return -EIO;
	return TAKE_FD(fd);
}

/* The group first: what the program left behind must not outlive it. */
static int on_ended(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	struct child *child = context;
	char fault[CHILD_FAULT_SIZE] = "";
	siginfo_t info = {0};

	(void)source, (void)revents;
	kill(-child->pid, SIGKILL);
	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED) < 0)
		snprintf(fault, sizeof(fault), "waiting for the program: %s", strerror(errno));
	else if (child->too_long)
		snprintf(fault, sizeof(fault), "the program took more than %lld s, and was killed",
			 (long long)child->time_ms / 1000);
	else if (info.si_code != CLD_EXITED)
		snprintf(fault, sizeof(fault), "the program was killed by signal %d", info.si_status);
	else if (info.si_status == EXIT_NOT_RUN)
		snprintf(fault, sizeof(fault), "the program could not be run (status %d)", EXIT_NOT_RUN);
	else if (info.si_status)
		snprintf(fault, sizeof(fault), "the program ended with status %d", info.si_status);
	child->done(child->context, fault);
	child_free(child);
	return 0;
}

static int on_time(sd_event_source *source, uint64_t usec, void *context)
{
	struct child *child = context;

	(void)source, (void)usec;
	child->too_long = true;
	kill(-child->pid, SIGKILL);
	return 0;
}

static int watch(struct child *child, sd_event *event)
{
	int fd = pidfd_open(child->pid, 0), r;

	if (fd < 0)
		return -errno;
	r = sd_event_add_io(event, &child->ended, fd, EPOLLIN, on_ended, child);
	if (r < 0) {
		close(fd);
		return r;
	}
	sd_event_source_set_io_fd_own(child->ended, true);
	return sd_event_add_time_relative(event, &child->timer, CLOCK_BOOTTIME, (uint64_t)child->time_ms * 1000, 1000,
					  on_time, child);
}

static int start(struct child *child, const struct child_conf *conf)
{
	_cleanup_(closep) int input = open_input(conf->input ? conf->input : "");
	int r;

	if (input < 0)
		return input;
	child->pid = fork();
	if (child->pid < 0)
		return -errno;
	if (child->pid == 0)
		run(conf, input);
	setpgid(child->pid, child->pid); /* by whichever comes first */
	r = watch(child, child->children->event);
	if (r < 0) {
		kill(-child->pid, SIGKILL);
		waitpid(child->pid, NULL, 0);
	}
	return r;
}

int children_new(struct children **out, sd_event *event)
{
	struct children *children = calloc(1, sizeof(*children));

	if (!children)
		return -ENOMEM;
	children->event = event;
	*out = children;
	return 0;
}

void children_free(struct children **children)
{
	while (*children && (*children)->first) {
		kill(-(*children)->first->pid, SIGKILL);
		waitpid((*children)->first->pid, NULL, 0);
		(*children)->first->done((*children)->first->context, "musterd stops");
		child_free((*children)->first);
	}
	freep(children);
}

int child_start(struct children *children, const struct child_conf *conf, child_done_fn done, void *context,
		char *fault)
{
	struct child *child = calloc(1, sizeof(*child));
	int r = -ENOMEM;

	if (child) {
		*child = (struct child){
			.children = children, .time_ms = conf->time_ms, .done = done, .context = context};
		child->next = children->first;
		children->first = child;
		r = access(conf->command, X_OK) < 0 ? -errno : start(child, conf);
	}
	if (r < 0) {
		snprintf(fault, CHILD_FAULT_SIZE, "running the program: %s", strerror(-r));
		if (child)
			child_free(child);
	}
	return r;
}
