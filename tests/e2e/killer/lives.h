/* SPDX-License-Identifier: GPL-2.0-or-later */
/* musterd's lives: how one begins, and what ends it. */
#ifndef KILLER_LIVES_H
#define KILLER_LIVES_H

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "run.h"

static void (*at_alarm)(void);

static void on_alarm(int signal_number)
{
	int error = errno;

	(void)signal_number;
	at_alarm();
	errno = error;
}

static void alarm_after(long us, long again_us, void (*then)(void))
{
	const struct itimerval when = {.it_value = {.tv_sec = us / 1000000, .tv_usec = us % 1000000 + 1},
				       .it_interval = {.tv_sec = again_us / 1000000, .tv_usec = again_us % 1000000}};

	at_alarm = then;
	setitimer(ITIMER_REAL, &when, NULL);
}

static void kill_it(void)
{
	kill(agent.pid, SIGKILL);
}

static void kill_after(long us)
{
	alarm_after(us, 0, kill_it);
}

static void start_agent(void)
{
	agent.back = false;
	fflush(stdout);
	agent.pid = fork();
	if (agent.pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
	if (watchdog.socket) {
		setenv("NOTIFY_SOCKET", watchdog.path, 1);
		setenv("WATCHDOG_USEC", watchdog.usec, 1);
	}
	if (shim[0]) {
		setenv("LD_PRELOAD", shim, 1);
		setenv("STRIKE", strike_path, 1);
	}
	execl(musterd, musterd, "-f", "-c", config, NULL);
	_exit(127);
}

/* Has it died? Of a signal, for nothing else is to end it. */
static bool died(void)
{
	int status;

	if (waitpid(agent.pid, &status, WNOHANG) != agent.pid)
		return false;
	if (!WIFSIGNALED(status) || (WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGABRT))
		fault("musterd ended by itself, with wait status %x", status);
	return true;
}

static int ask(const char *method, const char *what, json_t *body, json_t **answer)
{
	return call(SOCKET, method, what, body, answer);
}

#endif
