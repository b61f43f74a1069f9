/* SPDX-License-Identifier: GPL-2.0-or-later */
/* musterd stopped, and aborted by the watchdog of a service manager. */
#ifndef KILLER_STOPPED_H
#define KILLER_STOPPED_H

#include "operator.h"

static long stopped_us;

static void go_on(void)
{
	kill(agent.pid, SIGCONT);
}

static void stop_it(void)
{
	kill(agent.pid, SIGSTOP);
	alarm_after(stopped_us, 0, go_on);
}

/* As the service manager does it: who has not pinged in time is aborted, even if it is stopped. */
static void watch(void)
{
	char message[256];
	ssize_t n;

	while ((n = recv(watchdog.socket, message, sizeof(message) - 1, MSG_DONTWAIT)) > 0) {
		message[n] = '\0';
		if (!strstr(message, "WATCHDOG=1"))
			continue;
		watchdog.heard_ms = now_ms();
		watchdog.pings++;
	}
	if (watchdog.acted || now_ms() - watchdog.heard_ms < watchdog.patience_ms)
		return;
	watchdog.acted = true;
	kill(agent.pid, SIGABRT);
	kill(agent.pid, SIGCONT);
}

static void watchdog_open(long patience_ms)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(watchdog.path, sizeof(watchdog.path), "/run/muster/notify.%d", getpid());
	snprintf(watchdog.usec, sizeof(watchdog.usec), "%ld", patience_ms * 1000);
	memcpy(address.sun_path, watchdog.path, sizeof(address.sun_path));
	watchdog.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(watchdog.socket, (struct sockaddr *)&address, sizeof(address)) < 0)
		fault("%s: %s", watchdog.path, strerror(errno));
	watchdog.patience_ms = patience_ms;
	watchdog.heard_ms = now_ms();
}

static void work_for(long long ms)
{
	long long until = now_ms() + ms;

	while (now_ms() < until && !asked.act && !died())
		operate();
}

/* Stopped, and let go on: by a debugger, or with its whole machine. Then stopped for good, under a watchdog. */
static int stop_and_watch(int argc, char **argv)
{
	long patience_ms = argc > 0 ? atol(argv[0]) : 0, stopped_ms = argc > 1 ? atol(argv[1]) : 0;
	long long began_ms, until;

	srand(1);
	stopped_us = stopped_ms * 1000;
	start_agent();
	for (until = now_ms() + LONGEST_MS; !agent.back && now_ms() < until; pause_ms(2))
		look_at_agent();
	began_ms = now_ms();
	alarm_after(200000 + rand() % 100000, 0, stop_it);
	work_for(stopped_ms + 1000);
	if (now_ms() - began_ms < stopped_ms)
		fault("it was not stopped for %ld ms", stopped_ms);
	look_at_agent();
	look_at_audit();
	kill_after(1);
	live(-1, false);

	watchdog_open(patience_ms);
	start_agent();
	for (until = now_ms() + LONGEST_MS; !agent.back && now_ms() < until; pause_ms(2))
		look_at_agent();
	watchdog.heard_ms = now_ms();
	alarm_after(50000, 50000, watch);
	work_for(2 * patience_ms);
	if (watchdog.acted || watchdog.pings < 2)
		fault("at work it pinged %u times, and was%s aborted", watchdog.pings, watchdog.acted ? "" : " not");
	kill(agent.pid, SIGSTOP);
	live(-1, false);
	if (!watchdog.acted)
		fault("it ended before the watchdog acted");
	unlink(watchdog.path);
	watchdog.socket = 0;
	start_agent();
	alarm_after(0, 0, go_on);
	live(0, true);
	return 3;
}

#endif
