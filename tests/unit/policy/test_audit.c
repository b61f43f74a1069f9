// SPDX-License-Identifier: GPL-2.0-or-later
/* What the audit finds in a picture of declared, ordered, observed and picked; since when; and when it is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "policy/audit.h"

static const struct audit_server serving = {
	.name = "web-02", .declared = 100, .effective = 100, .healthy = true, .cause = "full weight", .slots = 1};

static struct audit_service service_of(const struct audit_server *server)
{
	return (struct audit_service){.name = "web", .servers = server, .n_servers = 1, .n_slots = 2, .settled = true};
}

static unsigned n_over;
static enum audit_kind last_over;

static void over(void *context, const struct audit_finding *finding)
{
	(void)context;
	n_over++;
	last_over = finding->kind;
}

static void look(struct audit *audit, const struct audit_service *service, int64_t now_ms)
{
	audit_begin(audit, now_ms);
	audit_see_service(audit, service);
	audit_end(audit, over, NULL);
}

/* The one finding of a server; AUDIT_KINDS_N: none. */
static enum audit_kind only(const struct audit_server *server)
{
	struct audit *audit = NULL;
	struct audit_service service = service_of(server);
	struct audit_finding *findings;
	enum audit_kind kind = AUDIT_KINDS_N;
	size_t n;

	assert_int_equal(audit_new(&audit), 0);
	look(audit, &service, 1000);
	findings = audit_findings(audit, &n);
	assert_true(n <= 1);
	if (n)
		kind = findings[0].kind;
	audit_free(&audit);
	return kind;
}

static void finds_what_differs(void **state)
{
	struct audit_server server = serving;

	(void)state;
	assert_int_equal(only(&server), AUDIT_KINDS_N);
	server.effective = 0;
	server.ordered = true;
	server.order = "drained by root";
	server.slots = 0;
	assert_int_equal(only(&server), AUDIT_ORDERED);
	server.overdue = true;
	assert_int_equal(only(&server), AUDIT_FORGOTTEN);
	server.ordered = server.overdue = false;
	server.order = NULL;
	assert_int_equal(only(&server), AUDIT_LOWERED);
	server.observed = true;
	assert_int_equal(only(&server), AUDIT_KINDS_N);
	server.healthy = false;
	assert_int_equal(only(&server), AUDIT_DOWN);
	server = serving;
	server.slots = 0;
	assert_int_equal(only(&server), AUDIT_UNPICKED);
	server = serving;
	server.unchecked = true;
	assert_int_equal(only(&server), AUDIT_STALE);
	server = serving;
	server.added = true;
	assert_int_equal(only(&server), AUDIT_ADDED);
}

static void a_pool_is_looked_at_as_one(void **state)
{
	static const struct {
		struct audit_service service;
		enum audit_kind kind;
	} cases[] = {
		{{.name = "web", .servers = &serving, .n_servers = 1, .n_slots = 2, .fail_open = true, .settled = true},
		 AUDIT_OPENED},
		{{.name = "web", .servers = &serving, .n_servers = 1, .n_slots = 2, .stray_slots = 1, .settled = true},
		 AUDIT_STRAY},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct audit *audit = NULL;
		struct audit_finding *findings;
		size_t n;

		assert_int_equal(audit_new(&audit), 0);
		look(audit, &cases[i].service, 1000);
		findings = audit_findings(audit, &n);
		assert_int_equal(n, 1);
		assert_int_equal(findings[0].kind, cases[i].kind);
		audit_free(&audit);
	}
}

static void a_finding_has_a_beginning_and_an_end(void **state)
{
	struct audit *audit = NULL;
	struct audit_server server = serving;
	struct audit_service service = service_of(&server);
	struct audit_finding *findings;
	size_t n;

	(void)state;
	n_over = 0;
	assert_int_equal(audit_new(&audit), 0);
	look(audit, &service, 1000);
	server.effective = 0;
	server.ordered = server.overdue = true;
	server.order = "drained by root";
	look(audit, &service, 2000);
	findings = audit_findings(audit, &n);
	assert_int_equal(n, 1);
	findings[0].told = true;
	look(audit, &service, 60000);
	findings = audit_findings(audit, &n);
	assert_int_equal(n, 1);
	assert_int_equal(findings[0].since_ms, 2000);
	assert_true(findings[0].told);
	server = serving;
	look(audit, &service, 61000);
	audit_findings(audit, &n);
	assert_int_equal(n, 0);
	assert_int_equal(n_over, 1);
	assert_int_equal(last_over, AUDIT_FORGOTTEN);
	audit_free(&audit);
}

static void hundreds_are_told_apart(void **state)
{
	struct audit *audit = NULL;
	struct audit_finding *findings;
	char name[16];
	size_t n;

	(void)state;
	n_over = 0;
	assert_int_equal(audit_new(&audit), 0);
	audit_begin(audit, 1);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "web-%d", i);
		audit_see(audit, AUDIT_STALE, "web", name, "%d", i);
	}
	audit_end(audit, over, NULL);
	audit_begin(audit, 2);
	for (int i = 0; i < 300; i += 3) {
		snprintf(name, sizeof(name), "web-%d", i);
		audit_see(audit, AUDIT_STALE, "web", name, "%d", i);
	}
	audit_end(audit, over, NULL);
	findings = audit_findings(audit, &n);
	assert_int_equal(n, 100);
	for (int i = 0; i < 100; i++)
		assert_int_equal(atoi(findings[i].text), 3 * i);
	assert_int_equal(n_over, 200);
	audit_free(&audit);
}

static void says_what_to_type(void **state)
{
	struct audit_finding finding = {.kind = AUDIT_FORGOTTEN, .service = "web", .server = "web-02"};
	char text[96];

	(void)state;
	assert_string_equal(audit_next(&finding, text, sizeof(text)), "muster return web/web-02");
	finding = (struct audit_finding){.kind = AUDIT_BARE, .server = "eth0"};
	assert_string_equal(audit_next(&finding, text, sizeof(text)), "muster attach eth0");
	for (int kind = 0; kind < AUDIT_KINDS_N; kind++) {
		assert_true(audit_meaning(kind)[0] && audit_kind_name(kind)[0]);
		finding.kind = kind;
		assert_true(audit_next(&finding, text, sizeof(text))[0]);
		assert_null(strchr(text, '%'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_differs),
		cmocka_unit_test(a_pool_is_looked_at_as_one),
		cmocka_unit_test(a_finding_has_a_beginning_and_an_end),
		cmocka_unit_test(hundreds_are_told_apart),
		cmocka_unit_test(says_what_to_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
