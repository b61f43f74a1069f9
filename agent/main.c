// SPDX-License-Identifier: GPL-2.0-or-later
/* musterd: the agent's command line. */
#include <getopt.h>
#include <stdio.h>

#include "agent.h"
#include "log.h"
#include "versions.h"

static const char usage[] =
	"usage: musterd [-c FILE] [-t] [-f] [-o OBJECT] [-d] [-V]\n"
	"  -c FILE    configuration (default " MUSTER_SYSCONFDIR "/muster/musterd.yaml)\n"
	"  -t         check the configuration and exit: 0 good, 1 faults, one line each\n"
	"  -f         stay in the foreground (musterd always does; for scripts that say so)\n"
	"  -o OBJECT  the BPF object, instead of the installed muster.bpf.o\n"
	"  -m         write the manual page of the configuration file and exit\n"
	"  -d         log debug lines as well\n"
	"  -V         version, and what it was built with\n"
	"SIGHUP reads the configuration again; SIGTERM stops the agent, and the kernel goes on forwarding.\n";

static int check(const char *file)
{
	_cleanup_(config_free) struct config *config = NULL;
	int error = config_load(file, stderr, &config);

	if (error)
		return EXIT_FAILURE;
	printf("%s: good: %zu services\n", file, config->n_services);
	return EXIT_SUCCESS;
}

static int run(const struct agent_options *options)
{
	_cleanup_(agent_free) struct agent *agent = NULL;

	if (agent_new(&agent, options) < 0)
		return EXIT_FAILURE;
	return agent_run(agent) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct agent_options options = {.file = MUSTER_SYSCONFDIR "/muster/musterd.yaml"};
	bool only_check = false;
	int option;

	while ((option = getopt(argc, argv, "c:tfo:mdVh")) != -1) {
		switch (option) {
		case 'c':
			options.file = optarg;
			break;
		case 't':
			only_check = true;
			break;
		case 'f':
			break;
		case 'o':
			options.object = optarg;
			break;
		case 'm':
			return config_manual(stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
		case 'd':
			log_set_level(LOG_LEVEL_DEBUG);
			break;
		case 'V':
			return versions_print(stdout);
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return EXIT_FAILURE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "musterd: what is \"%s\"?\n%s", argv[optind], usage);
		return EXIT_FAILURE;
	}
	return only_check ? check(options.file) : run(&options);
}
