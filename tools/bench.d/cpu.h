/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CPU that sends, and all that a packet takes of it: others run on a machine that is never quite idle. */
#ifndef BENCH_CPU_H
#define BENCH_CPU_H

#include <dirent.h>
#include <sys/resource.h>
#include <time.h>

#include "stand.h"

static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* This process stays on one CPU, before others that want it: what is measured is the way of a packet, not who else runs. */
static inline void cpu_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("cannot stay on", "one CPU", errno);
	if (setpriority(PRIO_PROCESS, 0, -20))
		die("cannot raise", "the priority", errno);
}

/* What a file of one line says; empty where there is none. */
static inline void line_read(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");

	if (!file || !fgets(line, size, file))
		*line = 0;
	line[strcspn(line, "\n")] = 0;
	if (file)
		fclose(file);
}

/* The kernel's thread that forwards what a CPU's packets left undone when they were sent; 0: not to be seen from here. */
static inline int cpu_helper(int cpu)
{
	char wanted[32], path[300], name[32];
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int pid = 0;

	snprintf(wanted, sizeof(wanted), "ksoftirqd/%d", cpu);
	while (proc && !pid && (entry = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		line_read(path, name, sizeof(name));
		if (!strcmp(name, wanted))
			pid = atoi(entry->d_name);
	}
	if (proc)
		closedir(proc);
	return pid;
}

/* CPU time of this process, which sends and forwards in one go, and of that thread. */
static inline int64_t cpu_time_ns(int helper)
{
	char path[64], line[128] = "";

	snprintf(path, sizeof(path), "/proc/%d/schedstat", helper);
	line_read(path, line, sizeof(line));
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID) + atoll(line);
}

#endif
