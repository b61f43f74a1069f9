/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small world for each test of agent/kernel: its own network namespace, bpf filesystem and maps, and a neighbour behind
 * a veth in a network namespace of its own.
 *
 *   this process (LB)  mt0 10.99.0.1 fd99::1  ----  mt1 10.99.0.2, .3 fd99::2  (PEER)
 */
#ifndef TEST_KERNEL_WORLD_H
#define TEST_KERNEL_WORLD_H

#include <bpf/bpf.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "address.h"
#include "clock.h"
#include "kernel/kernel.h"

#define PINS "/sys/fs/bpf/xdp/globals"

struct world {
	char object[PATH_MAX];
	pid_t peer;
	sd_event *event;
	struct kernel *kernel;
	struct plan plan;
	struct plan_service service;
	struct plan_server server[4];
	uint32_t slots[16];
	/* what the handlers were told last */
	enum hop_state hop[MUSTER_MAX_SERVERS];
	char hop_text[256];
	char link_text[256];
	unsigned hops_told, links_told, events;
	struct muster_event last;
};

static inline void on_hop(void *context, uint32_t server, enum hop_state state, const char *text)
{
	struct world *w = context;

	w->hop[server] = state;
	w->hops_told++;
	snprintf(w->hop_text, sizeof(w->hop_text), "%s", text);
}

static inline void on_ring(void *context, const struct muster_event *event)
{
	struct world *w = context;

	w->last = *event;
	w->events++;
}

static inline void on_link(void *context, const char *ifname, const char *text)
{
	struct world *w = context;

	(void)ifname;
	w->links_told++;
	snprintf(w->link_text, sizeof(w->link_text), "%s", text);
}

/* A shell command that must work. */
static inline _printf_(1, 2) void run(const char *format, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	int status = system(command);
	if (status != 0)
		fail_msg("`%s` ended with status %d", command, status);
}

/* The first line that a command prints. */
static inline const char *output(const char *command)
{
	static char line[512];
	FILE *f = popen(command, "r");

	line[0] = '\0';
	assert_non_null(f);
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	pclose(f);
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static inline pid_t start_peer(void)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "x", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static inline void find_object(char *out)
{
	char self[PATH_MAX] = "";

	if (getenv("MUSTER_OBJECT")) {
		snprintf(out, PATH_MAX, "%s", getenv("MUSTER_OBJECT"));
		return;
	}
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	/* BUILD/tests/bpf/test_kernel_x */
	snprintf(out, PATH_MAX, "%s/muster.bpf.o", dirname(dirname(dirname(self))));
}

/* 0 or the error, `why` printed where it was not expected. */
static inline int open_kernel(struct world *w, struct kernel **out, char *why, size_t n)
{
	const struct kernel_conf conf = {.object = w->object, .pins = PINS};
	const struct kernel_handlers handlers = {w, on_hop, on_ring, on_link};

	return kernel_open(out, &conf, w->event, &handlers, why, n);
}

static inline void must_open(struct world *w)
{
	char why[512] = "";
	int r = open_kernel(w, &w->kernel, why, sizeof(why));

	if (r < 0)
		fail_msg("kernel_open: %s: %s", strerror(-r), why);
}

static inline int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	find_object(w->object);
	assert_int_equal(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL), 0);
	w->peer = start_peer();
	run("ip link set lo up; ip link add mt0 type veth peer name mt1 netns %d", w->peer);
	run("ip addr add 10.99.0.1/24 dev mt0; ip addr add fd99::1/64 dev mt0 nodad; ip link set mt0 up");
	run("nsenter -t %d -n sh -c 'ip link set lo up; ip addr add 10.99.0.2/24 dev mt1; ip addr add 10.99.0.3/24 dev "
	    "mt1; "
	    "ip addr add fd99::2/64 dev mt1 nodad; ip link set mt1 up'",
	    w->peer);
	assert_true(sd_event_new(&w->event) >= 0);
	*state = w;
	return 0;
}

static inline int world_teardown(void **state)
{
	struct world *w = *state;

	kernel_close(&w->kernel);
	sd_event_unref(w->event);
	kill(w->peer, SIGKILL);
	waitpid(w->peer, NULL, 0);
	umount2("/sys/fs/bpf", MNT_DETACH);
	free(w);
	return 0;
}

static inline struct muster_addr addr(const char *text)
{
	struct muster_addr out;

	assert_int_equal(address_parse(text, &out), 0);
	return out;
}

static inline void set_server(struct world *w, int i, const char *name, const char *address)
{
	w->server[i] = (struct plan_server){
		.index = i,
		.record = {.addr = addr(address),
			   .port = htons(8080),
			   .state = MUSTER_SERVER_UP,
			   .generation = 1,
			   .weight_declared = 100,
			   .weight_effective = 100},
	};
	snprintf(w->server[i].record.name, MUSTER_NAME_SIZE, "%s", name);
}

/* One fullnat service, 10.99.0.100:80, over web-01 (the peer's .2) and web-02 (.3), picked in turn. */
static inline struct plan *plan_of_two(struct world *w)
{
	w->service = (struct plan_service){
		.index = 0,
		.record = {.name = "www", .addr = addr("10.99.0.100"), .port = htons(80), .proto = IPPROTO_TCP},
		.slots = w->slots,
		.n_slots = 2,
	};
	w->slots[0] = 0;
	w->slots[1] = 1;
	set_server(w, 0, "web-01", "10.99.0.2");
	set_server(w, 1, "web-02", "10.99.0.3");
	w->plan = (struct plan){
		.config = {.timeout = {[MUSTER_FLOW_HALF_OPEN] = 60000,
				       [MUSTER_FLOW_ESTABLISHED] = 7440000,
				       [MUSTER_FLOW_CLOSING] = 60000,
				       [MUSTER_FLOW_UDP_ONCE] = 10000,
				       [MUSTER_FLOW_UDP] = 300000,
				       [MUSTER_FLOW_ONE_WAY] = 7440000},
			   .resets_per_s = 1000},
		.services = &w->service,
		.n_services = 1,
		.servers = w->server,
		.n_servers = 2,
	};
	return &w->plan;
}

static inline struct sync_report sync_now(struct world *w)
{
	struct sync_report report = {0};
	int r = kernel_sync(w->kernel, &w->plan, &report);

	if (r < 0)
		fail_msg("kernel_sync: %s", strerror(-r));
	return report;
}

#define assert_sync(w, a, r, c)                                                                                        \
	do {                                                                                                           \
		struct sync_report _got = sync_now(w);                                                                 \
		if (_got.added != (a) || _got.removed != (r) || _got.changed != (c))                                   \
			fail_msg("a sync reported +%u -%u ~%u, expected +%u -%u ~%u", _got.added, _got.removed,        \
				 _got.changed, (unsigned)(a), (unsigned)(r), (unsigned)(c));                           \
	} while (0)

/*
 * Runs the loop until `done` is true; false after `ms`. A turn counts as 100 ms at most: while the machine, or an emulator
 * around it, stood still, nothing could come true.
 */
#define loop_until(w, ms, done)                                                                                        \
	({                                                                                                             \
		int64_t _left = (ms), _then = clock_now_ms();                                                          \
		while (!(done) && _left > 0) {                                                                         \
			assert_true(sd_event_run((w)->event, 20000) >= 0);                                             \
			int64_t _now = clock_now_ms();                                                                 \
			_left -= MIN(_now - _then, 100);                                                               \
			_then = _now;                                                                                  \
		}                                                                                                      \
		(done);                                                                                                \
	})

/* The pinned map of that name; the caller closes it. */
static inline int pinned(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), PINS "/%s", name);
	int fd = bpf_obj_get(path);
	if (fd < 0)
		fail_msg("%s is not there", path);
	return fd;
}

static inline struct muster_server read_server(uint32_t index)
{
	struct muster_server record;
	int fd = pinned("muster_servers");

	assert_int_equal(bpf_map_lookup_elem(fd, &index, &record), 0);
	close(fd);
	return record;
}

/* The XDP program on an interface, as `ip` tells it; 0: none. */
static inline uint32_t program_on(const char *ifname)
{
	char command[128];

	snprintf(command, sizeof(command), "ip -j link show %s | jq -r '.[0].xdp.prog.id // 0'", ifname);
	return (uint32_t)atoi(output(command));
}

static inline void write_map(const char *name, const void *key, const void *value)
{
	int fd = pinned(name);

	assert_int_equal(bpf_map_update_elem(fd, key, value, BPF_ANY), 0);
	close(fd);
}

#define assert_said(text, what)                                                                                        \
	do {                                                                                                           \
		if (!strstr(text, what))                                                                               \
			fail_msg("\"%s\" does not say \"%s\"", text, what);                                            \
	} while (0)

#define test_in_world(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

#endif
