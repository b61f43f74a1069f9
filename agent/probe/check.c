// SPDX-License-Identifier: GPL-2.0-or-later
/* Health checks: what is asked, and whether the answer is the wanted one. */
#include <stdio.h>

#include "attempt.h"

#define CHECK_BODY_MAX 65536

static const struct status_range status_default = {200, 399};

int check_probe_set(struct attempt *attempt, const struct probe_spec *spec)
{
	const struct check_conf *check = spec->check;

	attempt->source = MEMORY_NONE;
	if (check->type == CHECK_TCP)
		return attempt_use_tcp(attempt, &(struct tcp_request){.addr = spec->addr,
								      .port = spec->port,
								      .timeout_ms = MAX(check->timeout_ms, 1u)});
	attempt->n_status = MIN(check->n_status, (unsigned)CHECK_STATUS_RANGES);
	memcpy(attempt->status, check->status, sizeof(attempt->status));
	if (!attempt->n_status)
		attempt->status[attempt->n_status++] = status_default;
	if (check->body && *check->body) {
		attempt->body = strdup(check->body);
		if (!attempt->body)
			return -ENOMEM;
	}
	return attempt_use_http(attempt, &(struct http_request){.addr = spec->addr,
								.port = spec->port,
								.tls = check->type == CHECK_HTTPS,
								.tls_verify = check->tls_verify,
								.ca_file = check->ca_file,
								.method = check->method ?: "GET",
								.path = check->path ?: "/",
								.host = check->host,
								.timeout_ms = MAX(check->timeout_ms, 1u),
								.body_max = CHECK_BODY_MAX,
								.keep_body = attempt->body});
}

static bool status_wanted(const struct attempt *attempt, long status)
{
	unsigned i;

	for (i = 0; i < attempt->n_status; i++)
		if (status >= attempt->status[i].first && status <= attempt->status[i].last)
			return true;
	return false;
}

/* "200-299 or 404" */
static void format_ranges(const struct attempt *attempt, char *text, size_t size)
{
	size_t used = 0;
	unsigned i;

	for (i = 0; i < attempt->n_status && used < size; i++) {
		const struct status_range *range = &attempt->status[i];

		used += snprintf(text + used, size - used, i ? " or %u" : "%u", range->first);
		if (range->last != range->first && used < size)
			used += snprintf(text + used, size - used, "-%u", range->last);
	}
}

void check_probe_on_http(struct http_transfer *transfer, enum probe_outcome outcome, const char *detail, void *context)
{
	struct attempt *attempt = context;
	char ranges[96];

	attempt->result.http_status = (int)transfer->status;
	if (outcome != PROBE_OK) {
		attempt_end(attempt, outcome, "%s", detail);
	} else if (!status_wanted(attempt, transfer->status)) {
		format_ranges(attempt, ranges, sizeof(ranges));
		attempt_end(attempt, PROBE_WRONG_STATUS, "HTTP %ld, wanted %s", transfer->status, ranges);
	} else if (attempt->body &&
		   (!transfer->kept || !memmem(transfer->body, transfer->kept, attempt->body, strlen(attempt->body)))) {
		attempt_end(attempt, PROBE_WRONG_BODY,
			    "HTTP %ld, but \"%.60s\" is not in the first %zu bytes of the body", transfer->status,
			    attempt->body, transfer->kept);
	} else {
		attempt_end(attempt, PROBE_OK, "HTTP %ld", transfer->status);
	}
}

void check_probe_on_tcp(struct tcp_exchange *exchange, enum probe_outcome outcome, const char *detail, void *context)
{
	(void)exchange;
	attempt_end(context, outcome, "%s", detail);
}
