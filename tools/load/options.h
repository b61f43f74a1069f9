/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The load tool's command line. */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define SOURCES_MOST 16

static struct {
	struct sockaddr_storage target;
	socklen_t target_size;
	struct sockaddr_storage sources[SOURCES_MOST];
	unsigned n_sources;
	const char *path;
	const char *log_file;
	uint64_t rate, seed, connections, count, requests_per_connection;
	int64_t duration_us, timeout_us, pace_us;
	bool keepalive, udp, json, log_all;
} conf = {.path = "/", .connections = 1, .timeout_us = 2000000};

static const char usage[] =
	"usage: load --target ADDRESS:PORT [options]\n"
	"  --source ADDRESS           bind to it; given several times they alternate\n"
	"  --rate N                   N new connections a second, whatever comes back\n"
	"  --seed S                   they come at random, the same for the same S (default: evenly)\n"
	"  --connections N            N at a time, a new one for each that ends (default 1)\n"
	"  --keepalive                ask again on the same connection\n"
	"  --requests-per-connection N   then close it (default: never)\n"
	"  --pace MS                  wait so long between two requests of a connection\n"
	"  --count N                  N connections in all\n"
	"  --duration SECONDS         open none after that\n"
	"  --timeout MS               an answer later than that is a failure (default 2000)\n"
	"  --path PATH                what to ask for (default /)\n"
	"  --udp                      datagrams: one exchange a socket\n"
	"  --json                     the result as JSON\n"
	"  --log FILE                 a JSON line for each failed connection\n"
	"  --log-all                  and for each that did not fail\n";

#include "../options.h"

static socklen_t options_address(const char *text, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		options_fail("not an address", text);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return sizeof(*v6);
}

static void options_target(const char *text)
{
	const char *colon = strrchr(text, ':');
	char host[64];
	size_t length = colon ? (size_t)(colon - text) : 0;
	bool bracket = text[0] == '[' && length > 2 && text[length - 1] == ']';

	if (!colon || length >= sizeof(host) || atoi(colon + 1) <= 0 || atoi(colon + 1) > 65535)
		options_fail("not of the form ADDRESS:PORT", text);
	snprintf(host, sizeof(host), "%.*s", (int)length - 2 * bracket, text + bracket);
	conf.target_size = options_address(host, atoi(colon + 1), &conf.target);
}

static void options_source(const char *text)
{
	if (conf.n_sources == SOURCES_MOST)
		options_fail("more source addresses than there is room for", text);
	options_address(text, 0, &conf.sources[conf.n_sources++]);
}

static void options_check(void)
{
	if (!conf.target_size)
		options_fail("missing", "--target");
	for (unsigned i = 0; i < conf.n_sources; i++)
		if (conf.sources[i].ss_family != conf.target.ss_family)
			options_fail("of another family than the target", "--source");
	if (!conf.count && !conf.duration_us)
		options_fail("missing, it would never end", "--count or --duration");
}

static const struct option_row load_options[] = {
	{"target", .take = options_target},
	{"source", .take = options_source},
	{"rate", .number = &conf.rate},
	{"seed", .number = &conf.seed},
	{"connections", .number = &conf.connections},
	{"keepalive", .flag = &conf.keepalive},
	{"requests-per-connection", .number = &conf.requests_per_connection},
	{"pace", .time = &conf.pace_us, .unit = 1000},
	{"count", .number = &conf.count},
	{"duration", .time = &conf.duration_us, .unit = 1000000},
	{"timeout", .time = &conf.timeout_us, .unit = 1000},
	{"path", .text = &conf.path},
	{"udp", .flag = &conf.udp},
	{"json", .flag = &conf.json},
	{"log", .text = &conf.log_file},
	{"log-all", .flag = &conf.log_all},
};

static void load_options_parse(int argc, char **argv)
{
	options_parse(load_options, sizeof(load_options) / sizeof(load_options[0]), argc, argv);
	options_check();
}

#endif
