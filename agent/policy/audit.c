// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit.h"

#include <stdarg.h>
#include <stdio.h>

struct audit {
	struct audit_finding *found;
	bool *seen;
	size_t n, room;
	int64_t now_ms;
};

static const struct {
	const char *name, *meaning, *next;
	enum audit_severity severity;
} kinds[] = {
#define X(NAME, name, SEVERITY, meaning, next) [AUDIT_##NAME] = {#name, meaning, next, AUDIT_##SEVERITY},
	AUDIT_KINDS(X)
#undef X
};

enum audit_severity audit_severity(enum audit_kind kind)
{
	return kinds[kind].severity;
}

const char *audit_kind_name(enum audit_kind kind)
{
	return kinds[kind].name;
}

const char *audit_meaning(enum audit_kind kind)
{
	return kinds[kind].meaning;
}

const char *audit_severity_name(enum audit_severity severity)
{
	static const char *const name[] = {
		[AUDIT_NOTICE] = "notice", [AUDIT_WARNING] = "warning", [AUDIT_CRITICAL] = "critical"};

	return name[severity];
}

const char *audit_next(const struct audit_finding *finding, char *buf, size_t n)
{
	const char *next = kinds[finding->kind].next, *gap = strstr(next, "%s");

	if (gap)
		snprintf(buf, n, "%.*s%s%s%s%s", (int)(gap - next), next, finding->service,
			 finding->service[0] && finding->server[0] ? "/" : "", finding->server, gap + 2);
	else
		snprintf(buf, n, "%s", next);
	return buf;
}

int audit_new(struct audit **out)
{
	struct audit *audit = calloc(1, sizeof(*audit));

	if (!audit)
		return -ENOMEM;
	*out = audit;
	return 0;
}

void audit_free(struct audit **audit)
{
	if (!*audit)
		return;
	free((*audit)->found);
	free((*audit)->seen);
	freep(audit);
}

void audit_begin(struct audit *audit, int64_t now_ms)
{
	audit->now_ms = now_ms;
	for (size_t i = 0; i < audit->n; i++)
		audit->seen[i] = false;
}

/* The finding of that kind and those names, new or old; NULL: no memory. */
static struct audit_finding *find(struct audit *audit, enum audit_kind kind, const char *service, const char *server)
{
	struct audit_finding *finding;

	for (size_t i = 0; i < audit->n; i++) {
		finding = &audit->found[i];
		if (finding->kind == kind && !strcmp(finding->service, service) && !strcmp(finding->server, server)) {
			audit->seen[i] = true;
			return finding;
		}
	}
	if (audit->n == audit->room) {
		size_t room = audit->room ? audit->room * 2 : 16;
		struct audit_finding *found = realloc(audit->found, room * sizeof(*found));
		bool *seen;

		if (!found)
			return NULL;
		audit->found = found;
		seen = realloc(audit->seen, room * sizeof(*seen));
		if (!seen)
			return NULL;
		audit->seen = seen;
		audit->room = room;
	}
	finding = &audit->found[audit->n];
	*finding = (struct audit_finding){.kind = kind, .since_ms = audit->now_ms};
	snprintf(finding->service, sizeof(finding->service), "%s", service);
	snprintf(finding->server, sizeof(finding->server), "%s", server);
	audit->seen[audit->n++] = true;
	return finding;
}

void audit_see(struct audit *audit, enum audit_kind kind, const char *service, const char *server, const char *format,
	       ...)
{
	struct audit_finding *finding = find(audit, kind, service ? service : "", server ? server : "");
	va_list ap;

	if (!finding)
		return;
	va_start(ap, format);
	vsnprintf(finding->text, sizeof(finding->text), format, ap);
	va_end(ap);
}

void audit_end(struct audit *audit, void (*over)(void *context, const struct audit_finding *finding), void *context)
{
	size_t kept = 0;

	for (size_t i = 0; i < audit->n; i++) {
		if (!audit->seen[i]) {
			over(context, &audit->found[i]);
			continue;
		}
		audit->seen[kept] = true;
		if (kept != i)
			audit->found[kept] = audit->found[i];
		kept++;
	}
	audit->n = kept;
}

struct audit_finding *audit_findings(struct audit *audit, size_t *n)
{
	*n = audit->n;
	return audit->found;
}

/* Declared against effective: a notice where a valid order says so, critical without one. */
static void see_weight(struct audit *audit, const struct audit_service *service, const struct audit_server *server)
{
	if (server->effective >= server->declared)
		return;
	if (server->overdue)
		audit_see(audit, AUDIT_FORGOTTEN, service->name, server->name, "%s", server->order);
	else if (server->ordered)
		audit_see(audit, AUDIT_ORDERED, service->name, server->name, "%s", server->order);
	else if (!server->healthy && !server->effective)
		audit_see(audit, AUDIT_DOWN, service->name, server->name, "%s", server->cause);
	else if (server->healthy && !server->observed)
		audit_see(audit, AUDIT_LOWERED, service->name, server->name, "weight %u.%02u of %u.%02u: %s",
			  server->effective / 100, server->effective % 100, server->declared / 100,
			  server->declared % 100, server->cause);
}

static void see_server(struct audit *audit, const struct audit_service *service, const struct audit_server *server)
{
	see_weight(audit, service, server);
	if (server->effective && !server->slots && service->settled)
		audit_see(audit, AUDIT_UNPICKED, service->name, server->name, "weight %u.%02u, 0 of %u slots",
			  server->effective / 100, server->effective % 100, service->n_slots);
	if (server->unchecked)
		audit_see(audit, AUDIT_STALE, service->name, server->name, "its last check is too long ago");
	if (server->added)
		audit_see(audit, AUDIT_ADDED, service->name, server->name, "added by a command");
}

void audit_see_service(struct audit *audit, const struct audit_service *service)
{
	for (size_t i = 0; i < service->n_servers; i++)
		see_server(audit, service, &service->servers[i]);
	if (!service->n_slots && service->n_servers && service->settled)
		audit_see(audit, AUDIT_EMPTY, service->name, NULL, "0 of %zu servers", service->n_servers);
	if (service->fail_open)
		audit_see(audit, AUDIT_OPENED, service->name, NULL, "%zu servers declared", service->n_servers);
	if (service->stray_slots)
		audit_see(audit, AUDIT_STRAY, service->name, NULL, "%u of %u slots name a server that nobody declares",
			  service->stray_slots, service->n_slots);
}
