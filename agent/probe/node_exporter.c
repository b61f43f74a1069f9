// SPDX-License-Identifier: GPL-2.0-or-later
#include "node_exporter.h"

#include <math.h>

#include "agent_check.h"

#define BYTES_MAX 0x1p60 /* an exbibyte: more is not memory but noise, and would not fit the integer */

enum metric { TOTAL, AVAILABLE, PSI_SOME, PSI_FULL, OOM_KILL, METRICS };

static const char *const names[METRICS] = {
	[TOTAL] = "node_memory_MemTotal_bytes",
	[AVAILABLE] = "node_memory_MemAvailable_bytes",
	[PSI_SOME] = "node_pressure_memory_waiting_seconds_total",
	[PSI_FULL] = "node_pressure_memory_stalled_seconds_total",
	[OOM_KILL] = "node_vmstat_oom_kill",
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Past the {label="value"} part, where '}' inside quotes is text. NULL when it does not end on this line. */
static const char *skip_labels(const char *at, const char *end)
{
	bool quoted = false;

	for (at++; at < end; at++) {
		if (quoted && *at == '\\')
			at++;
		else if (*at == '"')
			quoted = !quoted;
		else if (*at == '}' && !quoted)
			return at + 1;
	}
	return NULL;
}

/* A sample's value. NAN when it is not a plain decimal number: strtod() alone would take hex and names too. */
static double parse_value(const char *at, const char *end)
{
	char number[64], *rest;
	size_t n = 0;
	double value;

	while (at < end && !is_blank(*at) && n + 1 < sizeof(number)) {
		if (!strchr("0123456789+-.eE", *at) || !*at)
			return NAN;
		number[n++] = *at++;
	}
	if (!n || (at < end && !is_blank(*at)))
		return NAN;
	number[n] = '\0';
	value = strtod(number, &rest);
	return *rest || !isfinite(value) ? NAN : value;
}

/* "name value", "name{labels} value timestamp". Returns which metric it is, METRICS when it is none of ours. */
static enum metric parse_line(const char *at, const char *end, double *value)
{
	const char *name = at;
	enum metric metric;
	size_t length;

	while (at < end && !is_blank(*at) && *at != '{')
		at++;
	length = at - name;
	for (metric = 0; metric < METRICS; metric++)
		if (strlen(names[metric]) == length && !memcmp(names[metric], name, length))
			break;
	if (metric == METRICS)
		return METRICS;
	while (at < end && is_blank(*at))
		at++;
	if (at < end && *at == '{')
		at = skip_labels(at, end);
	while (at && at < end && is_blank(*at))
		at++;
	*value = at ? parse_value(at, end) : NAN;
	return metric;
}

static int64_t whole(double value)
{
	return value >= 0 && value < BYTES_MAX ? (int64_t)value : -1;
}

int node_exporter_parse(const char *text, size_t length, struct memory_reading *out, const char **missing)
{
	double value[METRICS] = {NAN, NAN, NAN, NAN, NAN}, found;
	const char *at = text, *end = text + length, *unused;

	if (!missing)
		missing = &unused;
	while (at < end) {
		const char *newline = memchr(at, '\n', end - at);
		const char *stop = newline ? newline : end;
		enum metric metric;

		while (at < stop && is_blank(*at))
			at++;
		metric = parse_line(at, stop > at && stop[-1] == '\r' ? stop - 1 : stop, &found);
		if (metric != METRICS && isnan(value[metric]))
			value[metric] = found;
		at = newline ? newline + 1 : end;
	}
	memory_reading_clear(out);
	out->total_bytes = whole(value[TOTAL]);
	out->available_bytes = whole(value[AVAILABLE]);
	out->oom_kills = whole(value[OOM_KILL]);
	out->psi_some_s = value[PSI_SOME] >= 0 ? value[PSI_SOME] : -1;
	out->psi_full_s = value[PSI_FULL] >= 0 ? value[PSI_FULL] : -1;
	if (out->total_bytes <= 0)
		*missing = names[TOTAL];
	else if (out->available_bytes < 0 || out->available_bytes > out->total_bytes)
		*missing = names[AVAILABLE];
	else
		return 0;
	return -ENODATA;
}
