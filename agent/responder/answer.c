// SPDX-License-Identifier: GPL-2.0-or-later
#include "answer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct out {
	char *text;
	size_t size, used;
};

static void add(struct out *out, const char *format, ...) _printf_(2, 3);

static void add(struct out *out, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(out->text + out->used, out->size - out->used, format, ap);
	va_end(ap);
	out->used = MIN(out->used + MAX(n, 0), out->size - 1);
}

static void add_bytes(struct out *out, const char *name, int64_t bytes)
{
	add(out, "# TYPE %s gauge\n%s %" PRId64 "\n", name, name, bytes);
}

static void add_seconds(struct out *out, const char *name, const char *type, int64_t us)
{
	if (us >= 0)
		add(out, "# TYPE %s %s\n%s %" PRId64 ".%06" PRId64 "\n", name, type, name, us / 1000000, us % 1000000);
}

size_t responder_metrics(const struct responder_reading *reading, const struct responder_clock *clock, char *text,
			 size_t size)
{
	struct out out = {text, size, 0};

	add_bytes(&out, "node_memory_MemTotal_bytes", reading->total_bytes);
	add_bytes(&out, "node_memory_MemAvailable_bytes", reading->available_bytes);
	add_seconds(&out, "node_pressure_memory_waiting_seconds_total", "counter", reading->waiting_us);
	add_seconds(&out, "node_pressure_memory_stalled_seconds_total", "counter", reading->stalled_us);
	if (reading->oom_kills >= 0)
		add(&out, "# TYPE node_vmstat_oom_kill untyped\nnode_vmstat_oom_kill %" PRId64 "\n",
		    reading->oom_kills);
	add_seconds(&out, "node_time_seconds", "gauge", clock->wall_ms * 1000);
	/* To the second, as node_exporter's: the difference of two clocks jitters below that. */
	add_seconds(&out, "node_boot_time_seconds", "gauge", (clock->wall_ms - clock->boot_ms + 500) / 1000 * 1000000);
	return out.used;
}

size_t responder_agent_line(const struct responder_reading *reading, char *text, size_t size)
{
	struct out out = {text, size, 0};

	add(&out, "up 100%% #memory available=%" PRId64 " total=%" PRId64 "\n", reading->available_bytes,
	    reading->total_bytes);
	return out.used;
}

static void add_response(struct out *out, const char *status, const char *header, const char *body)
{
	add(out,
	    "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n%sContent-Length: %zu\r\n"
	    "Connection: close\r\n\r\n%s",
	    status, header, strlen(body), body);
}

size_t responder_http(const char *head, const char *metrics, char *text, size_t size)
{
	static const char path[] = "GET /metrics";
	struct out out = {text, size, 0};

	if (strncmp(head, "GET ", 4))
		add_response(&out, "405 Method Not Allowed", "Allow: GET\r\n", "only GET is answered here\n");
	else if (strncmp(head, path, sizeof(path) - 1) || !strchr(" ?\r\n", head[sizeof(path) - 1]))
		add_response(&out, "404 Not Found", "", "the metrics are at /metrics\n");
	else if (!metrics)
		add_response(&out, "500 Internal Server Error", "", "the memory figures cannot be read\n");
	else
		add_response(&out, "200 OK", "", metrics);
	return out.used;
}
