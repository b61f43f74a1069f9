// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * muster-responder: says how much memory a server, or a cgroup on it, has left, for hosts without node_exporter.
 * It stays small and allocates nothing once it serves: it is needed most when its host has no memory.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/mman.h>

#include "../address.h"
#include "serve.h"

static const char help[] =
	"Usage: muster-responder [--listen ADDRESS:PORT]... [--agent-check ADDRESS:PORT]... [--cgroup PATH]\n"
	"Says how much memory this host has left, in node_exporter's names and in HAProxy's agent-check.\n"
	"\n"
	"  --listen ADDRESS:PORT       answer GET /metrics by HTTP, as node_exporter does (its port is 9100)\n"
	"  --agent-check ADDRESS:PORT  answer each connection with one line of HAProxy's agent-check\n"
	"  --cgroup PATH               a memory cgroup's limit and usage (version 1 or 2) instead of the host's\n"
	"  --help                      this text\n"
	"  --version                   the version\n"
	"\n"
	"ADDRESS is literal, 0.0.0.0 or [::] for all; at least one of the first two options, up to eight together.\n"
	"Exit codes: 0 done, 1 usage, 2 failed.\n";

/* Neither is needed to serve; without them the answers may stop when the host is short of memory. */
static void hold_on(void)
{
	int fd;

	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		fprintf(stderr,
			"muster-responder: cannot lock its memory: %s; it goes on without (to permit it: "
			"LimitMEMLOCK=16M in the unit, or CAP_IPC_LOCK)\n",
			strerror(errno));
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "-900", 4) < 0)
		fprintf(stderr,
			"muster-responder: cannot lower its chance to be killed when memory runs out: %s; it goes on "
			"without (to permit it: OOMScoreAdjust=-900 in the unit, or CAP_SYS_RESOURCE)\n",
			strerror(errno));
	closep(&fd);
}

static int listen_on(enum responder_speech speech, const char *text)
{
	struct muster_addr addr;
	__be16 port;
	int r;

	if (address_port_parse(text, &addr, &port) < 0 || !port) {
		fprintf(stderr,
			"muster-responder: '%s' is no address and port; write it like 10.0.0.1:9100 or "
			"[fd00::1]:9100\n",
			text);
		return 1;
	}
	r = responder_listen(speech, &addr, ntohs(port));
	if (!r)
		return 0;
	if (r == -ENOSPC)
		fprintf(stderr, "muster-responder: cannot listen on %s: eight addresses are the most\n", text);
	else
		fprintf(stderr, "muster-responder: cannot listen on %s: %s; see who does with: ss -ltnp\n", text,
			strerror(-r));
	return r == -ENOSPC ? 1 : 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"listen", required_argument, NULL, 'l'}, {"agent-check", required_argument, NULL, 'a'},
		{"cgroup", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},      {},
	};
	static struct responder_source source;
	const char *cgroup = NULL;
	bool listens = false;
	char why[512];
	int c, r;

	while ((c = getopt_long(argc, argv, "hV", options, NULL)) >= 0) {
		switch (c) {
		case 'l':
		case 'a':
			r = listen_on(c == 'l' ? RESPONDER_HTTP : RESPONDER_AGENT, optarg);
			if (r)
				return r;
			listens = true;
			break;
		case 'c':
			cgroup = optarg;
			break;
		case 'h':
			return fputs(help, stdout) < 0 ? 2 : 0;
		case 'V':
			return puts("muster-responder " MUSTER_VERSION) < 0 ? 2 : 0;
		default:
			fputs("muster-responder: see muster-responder --help\n", stderr);
			return 1;
		}
	}
	if (!listens || optind < argc) {
		fputs("muster-responder: say where to listen, with --listen or --agent-check; see --help\n", stderr);
		return 1;
	}
	r = responder_source_open(&source, cgroup, why, sizeof(why));
	if (r < 0) {
		fprintf(stderr, "muster-responder: %s\n", why);
		return 2;
	}
	hold_on();
	r = responder_serve(&source);
	fprintf(stderr, "muster-responder: cannot wait for connections: %s\n", strerror(-r));
	return 2;
}
