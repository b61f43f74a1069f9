/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the load tool counts, and how it is printed: a table for people, JSON for scripts, a log line a connection. */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include "ending.h"
#include "histogram.h"

#define SERVERS_MOST  64
#define FAILURES_MOST 8 /* the first ones are told one by one */

/* One server, as its answers name it. */
struct server {
	char name[SERVER_NAME_SIZE];
	uint64_t connections; /* that it answered first */
	uint64_t requests;    /* answered with 200 */
	uint64_t longest_run; /* connections in a row, in the order of their first answers */
	uint64_t failed;      /* on a connection that it had answered before */
};

struct tally {
	struct server servers[SERVERS_MOST];
	unsigned n_servers;
	int last_server;
	uint64_t run;
	uint64_t connections; /* opened */
	uint64_t results[RESULTS_N];
	struct ending failures[FAILURES_MOST];
	unsigned n_failures;
	struct histogram latency;
};

static uint64_t tally_failed(const struct tally *tally)
{
	uint64_t failed = 0;

	for (int i = RESULT_OK + 1; i < RESULTS_N; i++)
		failed += tally->results[i];
	return failed;
}

/* Index of the server of that name, which may be new; -1: the table is full. */
static int tally_server(struct tally *tally, const char *name)
{
	for (unsigned i = 0; i < tally->n_servers; i++)
		if (!strcmp(tally->servers[i].name, name))
			return i;
	if (tally->n_servers == SERVERS_MOST)
		return -1;
	snprintf(tally->servers[tally->n_servers].name, SERVER_NAME_SIZE, "%s", name);
	return tally->n_servers++;
}

/* A connection met its server. */
static void tally_connection(struct tally *tally, int server)
{
	struct server *s = &tally->servers[server];

	tally->run = server == tally->last_server ? tally->run + 1 : 1;
	tally->last_server = server;
	s->connections++;
	if (tally->run > s->longest_run)
		s->longest_run = tally->run;
}

static void tally_failure(struct tally *tally, const struct ending *ending)
{
	if (tally->n_failures < FAILURES_MOST)
		tally->failures[tally->n_failures++] = *ending;
}

static void report_table(FILE *out, const struct tally *tally, double seconds)
{
	fprintf(out, "%" PRIu64 " connections, %" PRIu64 " requests, %" PRIu64 " failed, in %.1f s\n",
		tally->connections, tally->results[RESULT_OK] + tally_failed(tally), tally_failed(tally), seconds);
	for (int i = RESULT_OK + 1; i < RESULTS_N; i++)
		if (tally->results[i])
			fprintf(out, "  %-14s %10" PRIu64 "\n", result_names[i], tally->results[i]);
	for (unsigned i = 0; i < tally->n_failures; i++)
		ending_text(out, &tally->failures[i]);
	fprintf(out, "%-16s %12s %10s %10s %12s\n", "server", "connections", "requests", "failed", "longest run");
	for (unsigned i = 0; i < tally->n_servers; i++) {
		const struct server *s = &tally->servers[i];

		fprintf(out, "%-16s %12" PRIu64 " %10" PRIu64 " %10" PRIu64 " %12" PRIu64 "\n", s->name, s->connections,
			s->requests, s->failed, s->longest_run);
	}
	fprintf(out, "latency ms: p50 %.2f  p90 %.2f  p99 %.2f  max %.2f\n", histogram_at(&tally->latency, 500) / 1e3,
		histogram_at(&tally->latency, 900) / 1e3, histogram_at(&tally->latency, 990) / 1e3,
		tally->latency.max_us / 1e3);
}

static void report_json(FILE *out, const struct tally *tally, double seconds)
{
	fprintf(out, "{\"schema\": 1, \"seconds\": %.3f, \"connections\": %" PRIu64 ", \"requests\": %" PRIu64, seconds,
		tally->connections, tally->results[RESULT_OK] + tally_failed(tally));
	fprintf(out, ", \"ok\": %" PRIu64 ", \"failed\": %" PRIu64 ", \"failures\": {", tally->results[RESULT_OK],
		tally_failed(tally));
	for (int i = RESULT_OK + 1; i < RESULTS_N; i++)
		fprintf(out, "%s\"%s\": %" PRIu64, i > 1 ? ", " : "", result_names[i], tally->results[i]);
	fprintf(out, "}, \"first_failures\": [");
	for (unsigned i = 0; i < tally->n_failures; i++) {
		fputs(i ? ", " : "", out);
		ending_json(out, &tally->failures[i]);
	}
	fprintf(out, "], \"servers\": {");
	for (unsigned i = 0; i < tally->n_servers; i++) {
		const struct server *s = &tally->servers[i];

		fprintf(out, "%s\"%s\": {\"connections\": %" PRIu64 ", \"requests\": %" PRIu64, i ? ", " : "", s->name,
			s->connections, s->requests);
		fprintf(out, ", \"failed\": %" PRIu64 ", \"longest_run\": %" PRIu64 "}", s->failed, s->longest_run);
	}
	fprintf(out, "}, \"latency_ms\": {\"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"max\": %.3f}}\n",
		histogram_at(&tally->latency, 500) / 1e3, histogram_at(&tally->latency, 900) / 1e3,
		histogram_at(&tally->latency, 990) / 1e3, tally->latency.max_us / 1e3);
}

static void report_progress(FILE *out, const struct tally *tally, double seconds, uint64_t opened_before)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < tally->n_servers; i++)
		all += tally->servers[i].connections;
	fprintf(out, "\r\033[K%4.0f s %6" PRIu64 " conn/s ", seconds, tally->connections - opened_before);
	for (unsigned i = 0; i < tally->n_servers && i < 6; i++)
		fprintf(out, " %s %.1f %%", tally->servers[i].name,
			all ? 100.0 * tally->servers[i].connections / all : 0);
	fprintf(out, "  failed %" PRIu64, tally_failed(tally));
	fflush(out);
}

#endif
