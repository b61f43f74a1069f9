// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sends real frames through the bench's lab, and counts what comes of them: at the servers, back at the client, and in
 * runs and nanoseconds of the program on the balancer's interface "front".
 *
 *   packets attach DEV PROGRAM   puts a program of packets.bpf.o on an interface, natively; it stays
 *   packets detach DEV
 *   packets send OPTIONS         prints one line of JSON
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "template.h"

#define BATCH       64    /* packets that the source hands over at a time; a veth's ring has room for 256 */
#define CALL        4096  /* packets of one system call */
#define SETTLE_US   20000
#define MAPS_MOST   8
#define CLIENT_DEV  "eth0"
#define SERVERS_DEV "eth0"
#define LB_DEV      "front"

static struct {
	const char *object, *net;
	struct target to;
	enum kind kind;
	uint32_t flows, first;
	uint64_t count;
	int64_t duration_ns;
	int cpu;
	bool answers, stats;
} conf = {.cpu = -1};

/* A sink, as it stands on an interface. */
struct sink {
	int seen, answers; /* fds of maps */
};

static void die(const char *doing, const char *what, int error)
{
	fprintf(stderr, "packets: %s %s: %s\n", doing, what, strerror(error < 0 ? -error : error));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static struct bpf_object *object_load(const char *only)
{
	struct bpf_object *object = bpf_object__open_file(conf.object, NULL);
	struct bpf_program *program;
	int error;

	if (!object)
		die("cannot open", conf.object, errno);
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, strcmp(bpf_program__name(program), only) == 0);
	error = bpf_object__load(object);
	if (error)
		die("the kernel refuses", conf.object, error);
	return object;
}

static unsigned device(const char *name)
{
	unsigned ifindex = if_nametoindex(name);

	if (!ifindex)
		die("no interface", name, errno);
	return ifindex;
}

static void attach(const char *dev, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object_load(name), name);
	int error;

	if (!program)
		die("no program", name, ENOENT);
	error = bpf_xdp_attach(device(dev), bpf_program__fd(program), XDP_FLAGS_DRV_MODE, NULL);
	if (error)
		die("cannot attach to", dev, error);
}

static void detach(const char *dev)
{
	int error = bpf_xdp_detach(device(dev), XDP_FLAGS_DRV_MODE, NULL);

	if (error)
		die("cannot detach from", dev, error);
}

static void enter(const char *host)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", conf.net, host);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die("cannot enter the namespace", path, errno);
	close(fd);
}

/* The program natively on a host's interface; -1: none. */
static int program_on(const char *host, const char *dev)
{
	uint32_t id = 0;
	int error, fd;

	enter(host);
	error = bpf_xdp_query_id(device(dev), XDP_FLAGS_DRV_MODE, &id);
	if (error)
		die("cannot ask for the program on", dev, error);
	if (!id)
		return -1;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		die("cannot open the program on", dev, fd);
	return fd;
}

static struct sink sink_on(const char *host, const char *dev)
{
	struct sink sink = {-1, -1};
	uint32_t maps[MAPS_MOST];
	struct bpf_prog_info info = {.map_ids = (uintptr_t)maps, .nr_map_ids = MAPS_MOST};
	uint32_t size = sizeof(info);
	int program = program_on(host, dev);

	if (program < 0 || bpf_obj_get_info_by_fd(program, &info, &size))
		die("no sink on the interface of", host, program < 0 ? ENOENT : errno);
	close(program);
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_MOST; i++) {
		int fd = bpf_map_get_fd_by_id(maps[i]);
		struct bpf_map_info map = {};

		size = sizeof(map);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &map, &size))
			die("cannot open a map of the sink of", host, errno);
		if (!strcmp(map.name, "seen"))
			sink.seen = fd;
		else if (!strcmp(map.name, "answers"))
			sink.answers = fd;
		else
			close(fd);
	}
	return sink;
}

static struct bench_seen sink_read(const struct sink *sink)
{
	int cpus = libbpf_num_possible_cpus();
	struct bench_seen values[cpus], sum = {};
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(sink->seen, &zero, values))
		die("cannot read", "what the sink saw", errno);
	for (int i = 0; i < cpus; i++) {
		sum.dropped += values[i].dropped;
		sum.answered += values[i].answered;
	}
	return sum;
}

static void sink_answers(const struct sink *sink, uint32_t answers)
{
	uint32_t zero = 0;

	if (bpf_map_update_elem(sink->answers, &zero, &answers, BPF_ANY))
		die("cannot tell the sink", "whether to answer", errno);
}

static struct bpf_prog_info program_read(int program)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	if (program >= 0 && bpf_obj_get_info_by_fd(program, &info, &size))
		die("cannot read", "the program's statistics", errno);
	return info;
}

/* The source's program, its plan written; its fd. */
static int source(void)
{
	const char *name = conf.to.family == AF_INET ? "source_v4" : "source_v6";
	struct bpf_object *object = object_load(name);
	struct bench_plan plan = {.flows = conf.flows, .next = conf.first};
	uint32_t zero = 0;

	template_make(&plan, &conf.to, conf.kind);
	if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(object, "plan"), &zero, &plan, BPF_ANY))
		die("cannot write", "the source's plan", errno);
	return bpf_program__fd(bpf_object__find_program_by_name(object, name));
}

static void emit(int source, uint32_t n)
{
	static unsigned char frame[256];
	unsigned size =
		sizeof(struct ethhdr) + (conf.to.family == AF_INET ? sizeof(struct bench_v4) : sizeof(struct bench_v6));
	struct xdp_md context = {.data_end = size, .ingress_ifindex = device(CLIENT_DEV)};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = size, .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = n, .batch_size = BATCH,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	int error = bpf_prog_test_run_opts(source, &opts);

	if (error)
		die("the kernel sends no packets from", CLIENT_DEV, error);
}

/* Sends what was asked for; how many that was. */
static uint64_t run(int source)
{
	int64_t end = now_ns() + conf.duration_ns;
	uint64_t sent = 0;

	while (conf.count ? sent < conf.count : now_ns() < end) {
		uint32_t n = conf.count && conf.count - sent < CALL ? conf.count - sent : CALL;

		emit(source, n);
		sent += n;
	}
	return sent;
}

static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(conf.cpu < 0 ? sysconf(_SC_NPROCESSORS_ONLN) - 1 : conf.cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("cannot stay on", "one CPU", errno);
}

static void send_all(void)
{
	struct sink servers = sink_on("servers", SERVERS_DEV), client = sink_on("client", CLIENT_DEV);
	int measured = program_on("lb", LB_DEV), stats = -1, from = source();
	struct bench_seen servers_before, client_before, servers_after, client_after;
	struct bpf_prog_info before, after;
	int64_t start, elapsed;
	uint64_t sent;

	enter("client");
	pin();
	sink_answers(&servers, conf.answers);
	if (conf.stats)
		stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (conf.stats && stats < 0)
		die("cannot count", "the programs' run time", stats);
	servers_before = sink_read(&servers);
	client_before = sink_read(&client);
	before = program_read(measured);
	start = now_ns();
	sent = run(from);
	elapsed = now_ns() - start;
	usleep(SETTLE_US);
	after = program_read(measured);
	servers_after = sink_read(&servers);
	client_after = sink_read(&client);
	printf("{\"sent\": %lu, \"seconds\": %.6f, \"servers\": %llu, \"answered\": %llu, \"client\": %llu, "
	       "\"runs\": %llu, \"run_ns\": %llu}\n",
	       sent, elapsed / 1e9, servers_after.dropped - servers_before.dropped,
	       servers_after.answered - servers_before.answered, client_after.dropped - client_before.dropped,
	       after.run_cnt - before.run_cnt, after.run_time_ns - before.run_time_ns);
}

static void usage(void)
{
	fprintf(stderr,
		"usage: packets attach DEV empty|swap|sink\n"
		"       packets detach DEV\n"
		"       packets send --net DIR --to ADDRESS --port N --mac MAC --from MAC --kind syn|ack|data\n"
		"               --count N|--seconds S [--flows N] [--first N] [--answers] [--stats] [--cpu N]\n");
	exit(1);
}

static void parse_mac(const char *text, __u8 *mac)
{
	struct ether_addr *parsed = ether_aton(text);

	if (!parsed)
		usage();
	memcpy(mac, parsed, ETH_ALEN);
}

static void parse_to(const char *text)
{
	conf.to.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(conf.to.family, text, &conf.to.v6) != 1)
		usage();
}

static void parse_kind(const char *text)
{
	static const char *const names[] = {"syn", "ack", "data"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(text, names[i])) {
			conf.kind = i;
			return;
		}
	usage();
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"net", 1, NULL, 'n'},     {"to", 1, NULL, 't'},
		{"port", 1, NULL, 'p'},    {"mac", 1, NULL, 'm'},
		{"from", 1, NULL, 'f'},    {"kind", 1, NULL, 'k'},
		{"count", 1, NULL, 'c'},   {"seconds", 1, NULL, 's'},
		{"flows", 1, NULL, 'F'},   {"first", 1, NULL, '1'},
		{"answers", 0, NULL, 'a'}, {"stats", 0, NULL, 'S'},
		{"cpu", 1, NULL, 'C'},     {},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			conf.net = optarg;
			break;
		case 't':
			parse_to(optarg);
			break;
		case 'p':
			conf.to.port = htons(atoi(optarg));
			break;
		case 'm':
			parse_mac(optarg, conf.to.mac);
			break;
		case 'f':
			parse_mac(optarg, conf.to.from);
			break;
		case 'k':
			parse_kind(optarg);
			break;
		case 'c':
			conf.count = strtoull(optarg, NULL, 10);
			break;
		case 's':
			conf.duration_ns = atof(optarg) * 1e9;
			break;
		case 'F':
			conf.flows = strtoul(optarg, NULL, 10);
			break;
		case '1':
			conf.first = strtoul(optarg, NULL, 10);
			break;
		case 'a':
			conf.answers = true;
			break;
		case 'S':
			conf.stats = true;
			break;
		case 'C':
			conf.cpu = atoi(optarg);
			break;
		default:
			usage();
		}
	}
	if (optind != argc || !conf.net || !conf.to.family || (!conf.count && conf.duration_ns <= 0))
		usage();
}

int main(int argc, char **argv)
{
	static char object[4096];
	ssize_t length = readlink("/proc/self/exe", object, sizeof(object) - sizeof(".bpf.o"));

	if (length < 0)
		die("cannot find", "packets.bpf.o", errno);
	conf.object = strcat(object, ".bpf.o");
	if (argc == 4 && !strcmp(argv[1], "attach"))
		attach(argv[2], argv[3]);
	else if (argc == 3 && !strcmp(argv[1], "detach"))
		detach(argv[2]);
	else if (argc > 2 && !strcmp(argv[1], "send"))
		parse(argc - 1, argv + 1), send_all();
	else
		usage();
	return 0;
}
