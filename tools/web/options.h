/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The web server's command line. */
#ifndef WEB_OPTIONS_H
#define WEB_OPTIONS_H

#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
	const char *name;
	uint16_t port;
	size_t request_memory_bytes, memory_limit_bytes, session_memory_bytes;
	int64_t hold_ms, session_ms, lame_ms;
} conf = {.port = 80, .session_ms = 60000};

static const char usage[] = "usage: web --name NAME [options]\n"
			    "  --port N                 (default 80)\n"
			    "  --request-memory BYTES   held while a request is served; K and M may stand behind\n"
			    "  --hold-ms MS             how long a request takes\n"
			    "  --memory-limit BYTES     what there is (default: no limit)\n"
			    "  --session-memory BYTES   each request leaves so much behind\n"
			    "  --session-ms MS          for so long (default 60000)\n"
			    "  --lame-ms MS             between SIGTERM and its end, /health answers 503\n";

static size_t options_bytes(const char *text)
{
	char *end;
	size_t n = strtoull(text, &end, 10);

	if (*end == 'K')
		n <<= 10, end++;
	else if (*end == 'M')
		n <<= 20, end++;
	if (end == text || *end) {
		fprintf(stderr, "web: \"%s\" is no number of bytes: give digits, with K or M behind when wanted\n",
			text);
		exit(1);
	}
	return n;
}

static void options_parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"name", required_argument, NULL, 'n'},
		{"port", required_argument, NULL, 'p'},
		{"request-memory", required_argument, NULL, 'r'},
		{"hold-ms", required_argument, NULL, 'h'},
		{"memory-limit", required_argument, NULL, 'l'},
		{"session-memory", required_argument, NULL, 's'},
		{"session-ms", required_argument, NULL, 'm'},
		{"lame-ms", required_argument, NULL, 'e'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			conf.name = optarg;
			break;
		case 'p':
			conf.port = atoi(optarg);
			break;
		case 'r':
			conf.request_memory_bytes = options_bytes(optarg);
			break;
		case 'h':
			conf.hold_ms = atoi(optarg);
			break;
		case 'l':
			conf.memory_limit_bytes = options_bytes(optarg);
			break;
		case 's':
			conf.session_memory_bytes = options_bytes(optarg);
			break;
		case 'm':
			conf.session_ms = atoi(optarg);
			break;
		case 'e':
			conf.lame_ms = atoi(optarg);
			break;
		default:
			exit(1);
		}
	}
	if (!conf.name || optind != argc) {
		fputs(usage, stderr);
		exit(1);
	}
}

#endif
