/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The web server's command line. */
#ifndef WEB_OPTIONS_H
#define WEB_OPTIONS_H

#include <stdint.h>

static struct {
	const char *name;
	uint64_t port, request_memory_bytes, memory_limit_bytes, session_memory_bytes;
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

#include "../options.h"

static const struct option_row web_options[] = {
	{"name", .text = &conf.name},
	{"port", .number = &conf.port},
	{"request-memory", .bytes = &conf.request_memory_bytes},
	{"hold-ms", .time = &conf.hold_ms, .unit = 1},
	{"memory-limit", .bytes = &conf.memory_limit_bytes},
	{"session-memory", .bytes = &conf.session_memory_bytes},
	{"session-ms", .time = &conf.session_ms, .unit = 1},
	{"lame-ms", .time = &conf.lame_ms, .unit = 1},
};

static void web_options_parse(int argc, char **argv)
{
	options_parse(web_options, sizeof(web_options) / sizeof(web_options[0]), argc, argv);
	if (!conf.name)
		options_fail("missing", "--name");
	if (!conf.port || conf.port > UINT16_MAX)
		options_fail("not a port", "--port");
}

#endif
