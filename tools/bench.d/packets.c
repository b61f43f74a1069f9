// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sends real frames through the bench's lab, and counts what comes of them: at the servers, back at the client, and in
 * runs and nanoseconds of the program on the balancer's interface "front".
 *
 *   packets attach DEV PROGRAM   puts a program of packets.bpf.o on an interface, natively; it stays
 *   packets detach DEV
 *   packets open OPTIONS         opens flows, and prints one line of JSON
 *   packets send OPTIONS         prints one line of JSON
 *   packets cost DIR COMMAND...  runs a command; runs and nanoseconds of the balancer's programs meanwhile
 */
#include <getopt.h>
#include <netinet/ether.h>
#include <sys/wait.h>

#include "cpu.h"
#include "open.h"

#define SETTLE_US 20000

static struct {
	const char *object;
	struct target to;
	enum kind kind;
	uint32_t flows, first;
	uint64_t lead, count;
	int64_t duration_ns;
	int cpu;
	bool answers, stats;
} conf;

static void attach(const char *dev, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object_load(conf.object, name), name);
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

/* Sends so many packets, or for so long, whichever ends first; how many that was. */
static uint64_t run(const struct source *source, uint64_t count, int64_t duration_ns)
{
	int64_t end = clock_ns(CLOCK_MONOTONIC) + duration_ns;
	uint64_t sent = 0;

	while ((!count || sent < count) && (!duration_ns || clock_ns(CLOCK_MONOTONIC) < end)) {
		uint32_t n = count && count - sent < CALL ? count - sent : CALL;

		source_emit(source, n);
		sent += n;
	}
	return sent;
}

/* As long as this process lives. */
static void stats_on(void)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (fd < 0)
		die("cannot count", "the programs' run time", fd);
}

/* The ends of a stand, and what it is sent by; this process is at the client, on its CPU. */
struct ends {
	struct sink servers, client;
	struct source source;
};

static struct ends ends_open(void)
{
	struct ends ends = {
		.servers = sink_on("servers", SERVERS_DEV),
		.client = sink_on("client", CLIENT_DEV),
		.source = source_open(conf.object, &conf.to),
	};

	enter("client");
	cpu_pin(conf.cpu);
	return ends;
}

static void open_all(void)
{
	struct ends ends = ends_open();
	struct opening opening = open_flows(&ends.source, &ends.servers, &ends.client, conf.flows, conf.answers);

	printf("{\"flows\": %u, \"repeated\": %llu, \"unanswered\": %llu, \"unconfirmed\": %llu}\n", conf.flows,
	       opening.repeated, opening.unanswered, opening.unconfirmed);
}

static void send_all(void)
{
	int measured = program_on("lb", "front"), helper = cpu_helper(conf.cpu);
	struct ends ends = ends_open();
	struct bench_seen servers_before, client_before, servers_after, client_after;
	struct bpf_prog_info before, after;
	int64_t start, elapsed, cpu;
	uint64_t sent;

	source_aim(&ends.source, conf.kind, conf.flows, conf.first);
	if (conf.lead) {
		run(&ends.source, conf.lead, 0);
		usleep(SETTLE_US);
	}
	if (conf.stats)
		stats_on();
	servers_before = sink_read(&ends.servers);
	client_before = sink_read(&ends.client);
	before = program_read(measured);
	cpu = cpu_time_ns(helper);
	start = clock_ns(CLOCK_MONOTONIC);
	sent = run(&ends.source, conf.count, conf.duration_ns);
	elapsed = clock_ns(CLOCK_MONOTONIC) - start;
	cpu = cpu_time_ns(helper) - cpu;
	usleep(SETTLE_US);
	after = program_read(measured);
	servers_after = sink_read(&ends.servers);
	client_after = sink_read(&ends.client);
	printf("{\"sent\": %lu, \"seconds\": %.6f, \"cpu_seconds\": %.6f, \"servers\": %llu, \"client\": %llu, "
	       "\"runs\": %llu, "
	       "\"run_ns\": %llu}\n",
	       sent, elapsed / 1e9, cpu / 1e9, servers_after.dropped - servers_before.dropped,
	       client_after.dropped - client_before.dropped, after.run_cnt - before.run_cnt,
	       after.run_time_ns - before.run_time_ns);
}

static void command_run(char **command)
{
	pid_t child = fork();
	int status;

	if (!child) {
		execvp(command[0], command);
		die("cannot run", command[0], errno);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		die("cannot run", command[0], errno);
	if (status)
		die("failed:", command[0], ECHILD);
}

/* What the programs on front and back take, which may be one, while a command runs. */
static void cost(char **command)
{
	int front = program_on("lb", "front"), back = program_on("lb", "back");
	struct bpf_prog_info first, second, before[2], after[2];

	first = program_read(front);
	second = program_read(back);
	if (first.id == second.id)
		back = -1;
	enter("client");
	stats_on();
	before[0] = program_read(front), before[1] = program_read(back);
	command_run(command);
	after[0] = program_read(front), after[1] = program_read(back);
	printf("{\"runs\": %llu, \"run_ns\": %llu}\n",
	       after[0].run_cnt - before[0].run_cnt + after[1].run_cnt - before[1].run_cnt,
	       after[0].run_time_ns - before[0].run_time_ns + after[1].run_time_ns - before[1].run_time_ns);
}

static void usage(void)
{
	fprintf(stderr, "usage: packets attach DEV empty|swap|sink\n"
			"       packets detach DEV\n"
			"       packets open --net DIR --to ADDRESS --port N --mac MAC --from MAC --flows N "
			"[--answers] [--cpu N]\n"
			"       packets send --net DIR --to ADDRESS --port N --mac MAC --from MAC --kind syn|ack|data "
			"[--lead N]\n"
			"               [--count N] [--seconds S] [--flows N] [--first N] [--stats] [--cpu N]\n"
			"       packets cost DIR COMMAND...\n");
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
		{"net", 1, NULL, 'n'},   {"to", 1, NULL, 't'},      {"port", 1, NULL, 'p'},
		{"mac", 1, NULL, 'm'},   {"from", 1, NULL, 'f'},    {"kind", 1, NULL, 'k'},
		{"count", 1, NULL, 'c'}, {"seconds", 1, NULL, 's'}, {"flows", 1, NULL, 'F'},
		{"first", 1, NULL, '1'}, {"answers", 0, NULL, 'a'}, {"lead", 1, NULL, 'l'},
		{"stats", 0, NULL, 'S'}, {"cpu", 1, NULL, 'C'},     {},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			stand_net = optarg;
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
		case 'l':
			conf.lead = strtoull(optarg, NULL, 10);
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
	if (optind != argc || !stand_net || !conf.to.family)
		usage();
}

int main(int argc, char **argv)
{
	static char object[4096];
	ssize_t length = readlink("/proc/self/exe", object, sizeof(object) - sizeof(".bpf.o"));

	if (length < 0)
		die("cannot find", "packets.bpf.o", errno);
	conf.object = strcat(object, ".bpf.o");
	conf.cpu = sysconf(_SC_NPROCESSORS_ONLN) - 1;
	if (argc == 4 && !strcmp(argv[1], "attach"))
		attach(argv[2], argv[3]);
	else if (argc == 3 && !strcmp(argv[1], "detach"))
		detach(argv[2]);
	else if (argc > 2 && !strcmp(argv[1], "open"))
		parse(argc - 1, argv + 1), conf.flows ? open_all() : usage();
	else if (argc > 2 && !strcmp(argv[1], "send"))
		parse(argc - 1, argv + 1), conf.count || conf.duration_ns > 0 ? send_all() : usage();
	else if (argc > 3 && !strcmp(argv[1], "cost"))
		stand_net = argv[2], cost(argv + 3);
	else
		usage();
	return 0;
}
