// SPDX-License-Identifier: GPL-2.0-or-later
/* What stands in the model and what the journal says is an alert: each rule opens by its own cause alone, and is over when it should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "alerts/alerts.h"

#define NOW_MS 100000000LL
#define MINUTE 60000LL

/* One service "web" of web-01 and web-02, an interface and a receiver, all well; each case spoils what it is about. */
struct world {
	struct config config;
	struct interface_conf interface;
	struct receiver_conf receiver;
	struct service_conf service_conf;
	struct server_conf server_conf[2];
	struct server server[2];
	struct service service;
	struct model model;
	struct state state;
	struct order order;
	struct overlay overlay;
	struct agent agent;
	struct audit *audit;
	struct book *book;
	int64_t now_ms;
};

/* What the kernel and the disk say; the model alone is this test's. */
static struct attach_report attached;
static int disk_error;

size_t kernel_interfaces(struct kernel *kernel, struct attach_report *out, size_t n)
{
	(void)kernel;
	assert_true(n > 0);
	*out = attached;
	return 1;
}

int writer_error(struct writer *writer)
{
	(void)writer;
	return disk_error;
}

static void make_server(struct world *w, int i)
{
	struct server *server = &w->server[i];

	snprintf(w->server_conf[i].name, sizeof(w->server_conf[i].name), "web-%02d", i + 1);
	w->server_conf[i].weight = 1;
	w->server_conf[i].memory.source = MEMORY_NODE_EXPORTER;
	server->conf = &w->server_conf[i];
	server->service = &w->service;
	server->run.health.state = HEALTH_UP;
	server->run.memory.level = MEMORY_GOOD;
	server->run.pool.effective = 100;
	server->run.hop = HOP_GOOD;
	server->run.ports.n = 100;
}

/* Everything but the book and the audit, which keep what was. */
static void all_well(struct world *w)
{
	struct book *book = w->book;
	struct audit *audit = w->audit;

	*w = (struct world){.book = book, .audit = audit, .now_ms = w->now_ms};
	w->config = (struct config){.file = (char *)"/etc/muster.yaml",
				    .state_dir = (char *)"/var/lib/muster",
				    .protections = true,
				    .interfaces = &w->interface,
				    .n_interfaces = 1,
				    .receivers = &w->receiver,
				    .n_receivers = 1,
				    .alerts = {.repeat_ms = 10 * MINUTE, .flap_ms = 5 * MINUTE}};
	snprintf(w->interface.name, sizeof(w->interface.name), "eth1");
	attached = (struct attach_report){.ifname = "eth1", .program_id = 17};
	disk_error = 0;
	snprintf(w->receiver.name, sizeof(w->receiver.name), "pager");
	*book_run(book, "pager") = (struct receiver_run){.name = "pager", .delivered = 1};
	snprintf(w->service_conf.name, sizeof(w->service_conf.name), "web");
	w->service = (struct service){.conf = &w->service_conf, .servers = w->server, .n_servers = 2};
	make_server(w, 0);
	make_server(w, 1);
	w->order = (struct order){.kind = ORDER_DRAIN, .service = "web", .server = "web-02", .owner = "root"};
	w->overlay = (struct overlay){.remove = true, .service = "web", .server = "web-03", .owner = "root"};
	w->model = (struct model){.config = &w->config, .services = &w->service, .n_services = 1};
	w->state = (struct state){.orders = &w->order, .overlays = &w->overlay};
	w->agent = (struct agent){
		.model = &w->model, .state = &w->state, .file = w->config.file, .auditor = {.audit = audit}};
	audit_begin(audit, w->now_ms);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->now_ms = NOW_MS;
	assert_int_equal(book_new(&w->book), 0);
	assert_int_equal(audit_new(&w->audit), 0);
	*state = w;
	all_well(w);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	book_free(&w->book);
	audit_free(&w->audit);
	free(w);
	return 0;
}

static void forget(void *context, const struct audit_finding *finding)
{
	(void)context;
	(void)finding;
}

static struct book_view view_of(const struct world *w)
{
	return (struct book_view){.config = &w->config, .now_ms = w->now_ms, .wall_ms = w->now_ms};
}

/* One look, as the tick has it. */
static void look(struct world *w)
{
	struct book_view view = view_of(w);

	w->now_ms += 500;
	audit_end(w->audit, forget, NULL);
	book_round_begin(w->book);
	alerts_standing(&w->agent, w->book, &view);
	book_round_end(w->book, &view);
	book_step(w->book, &view);
}

static bool is_open(struct world *w, enum alert_kind kind, const char *service, const char *server)
{
	const struct alert *alert = book_find(w->book, kind, service, server);

	return alert && !alert->over;
}

static void over_when_all_is_well(struct world *w, const char *sentence)
{
	all_well(w);
	look(w);
	if (book_n_open(w->book))
		fail_msg("%s no more: its alert is still open", sentence);
	all_well(w);
}

static void only(struct world *w, size_t n, const char *sentence)
{
	for (size_t i = 0; i < w->book->n && book_n_open(w->book) != n; i++)
		if (!w->book->alerts[i]->over)
			print_message("open: %s\n", alert_rules[w->book->alerts[i]->kind].name);
	if (book_n_open(w->book) != n)
		fail_msg("%s: %zu alerts are open, not %zu", sentence, book_n_open(w->book), n);
}

static bool tried[ALERT_KINDS_N];

/* What was done to the world opens this alert and no other; undone, it is over. */
static void opens(struct world *w, const char *sentence, enum alert_kind kind, const char *service, const char *server)
{
	look(w);
	if (!is_open(w, kind, service, server))
		fail_msg("%s: %s is not open", sentence, alert_rules[kind].name);
	only(w, 1, sentence);
	over_when_all_is_well(w, sentence);
	tried[kind] = true;
}

/* It opens none. */
static void silent(struct world *w, const char *sentence)
{
	look(w);
	only(w, 0, sentence);
	all_well(w);
}

static struct server_run *second(struct world *w)
{
	return &w->server[1].run;
}

static void out(struct world *w, enum pool_cause cause)
{
	second(w)->pool.effective = 0;
	second(w)->pool.cause = cause;
}

static void ordered_out(struct world *w)
{
	out(w, POOL_CAUSE_ORDERED);
	w->state.n_orders = 1;
}

/* --- each by its cause -------------------------------------------------------------------------------------------- */

static void a_server(void **state)
{
	struct world *w = *state;

	silent(w, "all is well");
	second(w)->health.state = HEALTH_DOWN;
	opens(w, "its check fails", ALERT_SERVER_DOWN, "web", "web-02");
	second(w)->health.state = HEALTH_SLOW;
	opens(w, "it is slow", ALERT_SERVER_SLOW, "web", "web-02");
	second(w)->signals.refusal = SIGNALS_STANDS;
	opens(w, "its packets say that it refuses", ALERT_SERVER_REFUSES, "web", "web-02");
	second(w)->signals.refusal = SIGNALS_CONFIRMED;
	opens(w, "and so does a check", ALERT_SERVER_REFUSES, "web", "web-02");
	second(w)->signals.refusal = SIGNALS_SAID;
	silent(w, "a check is still to see whether it refuses");
	second(w)->signals.erring = true;
	opens(w, "it errs", ALERT_SERVER_ERRS, "web", "web-02");
	second(w)->hop = HOP_FAILED;
	opens(w, "nobody answers for its next hop", ALERT_NO_NEXT_HOP, "web", "web-02");
	second(w)->hop = HOP_LOCAL;
	opens(w, "it has the balancer's own address", ALERT_NO_NEXT_HOP, "web", "web-02");
	second(w)->ports.in_use = 90;
	opens(w, "nine of ten ports toward it are in use", ALERT_PORTS_SCARCE, "web", "web-02");
	second(w)->ports.in_use = 89;
	silent(w, "fewer are");
	second(w)->ports.n = 0;
	silent(w, "it needs none");
	second(w)->port_reused_ms = w->now_ms - 9 * MINUTE;
	opens(w, "ports were given again early, 9 minutes ago", ALERT_PORT_REUSED_EARLY, "web", "web-02");
	second(w)->port_reused_ms = w->now_ms - 10 * MINUTE;
	silent(w, "that was 10 minutes ago");
	second(w)->recycled.failed = true;
	opens(w, "it was recycled, and did not come back", ALERT_NOT_RECYCLED, "web", "web-02");
	second(w)->recycled.failed = false;
	silent(w, "it is recycled");
}

static void its_memory(void **state)
{
	struct world *w = *state;

	second(w)->memory.level = MEMORY_LOW;
	opens(w, "memory is low", ALERT_MEMORY_LOW, "web", "web-02");
	second(w)->forecast = (struct forecast){.known = true, .warned = true, .exhausted_at_ms = NOW_MS + MINUTE};
	opens(w, "its end is near", ALERT_MEMORY_ENDS, "web", "web-02");
	second(w)->forecast = (struct forecast){.known = true, .exhausted_at_ms = NOW_MS + 1000 * MINUTE};
	silent(w, "its end is far");
	second(w)->memory.level = MEMORY_STALE;
	opens(w, "its source is silent", ALERT_MEMORY_SILENT, "web", "web-02");
	second(w)->memory.level = MEMORY_HARD;
	look(w);
	assert_true(is_open(w, ALERT_MEMORY_HARD, "web", "web-02"));
	assert_true(is_open(w, ALERT_MEMORY_LOW, "web", "web-02"));
	only(w, 2, "memory is below hard");
	tried[ALERT_MEMORY_HARD] = true;
	all_well(w);
	second(w)->memory.level = MEMORY_LOW;
	opens(w, "it is above hard again", ALERT_MEMORY_LOW, "web", "web-02");
}

static void out_without_order(struct world *w, const char *sentence)
{
	opens(w, sentence, ALERT_OUT_WITHOUT_ORDER, "web", "web-02");
}

static void a_healthy_server_that_is_out(void **state)
{
	struct world *w = *state;

	out(w, POOL_CAUSE_SUSPECT);
	out_without_order(w, "no order says so");
	ordered_out(w);
	w->order.pending = true;
	out_without_order(w, "an order does, but it is not on disk");
	ordered_out(w);
	snprintf(w->order.server, sizeof(w->order.server), "web-01");
	out_without_order(w, "its twin has one");
	ordered_out(w);
	snprintf(w->order.service, sizeof(w->order.service), "mail");
	out_without_order(w, "one of its name in another service has one");
	ordered_out(w);
	silent(w, "an order says so");
	out(w, POOL_CAUSE_STANDBY);
	silent(w, "it is a backup and stands by");
	out(w, POOL_CAUSE_HELD);
	silent(w, "it is held after an ejection");
	out(w, POOL_CAUSE_REFUSES);
	silent(w, "it refuses its clients");
	out(w, POOL_CAUSE_MEMORY);
	silent(w, "it is relieved for its memory");
	out(w, POOL_CAUSE_DECLARED_ZERO);
	w->server_conf[1].weight = 0;
	silent(w, "it is declared with weight 0");
}

static void orders(void **state)
{
	struct world *w = *state;

	ordered_out(w);
	w->order.overdue = w->order.warned = true;
	opens(w, "it is overdue", ALERT_ORDER_OVERDUE, "web", "web-02");
	ordered_out(w);
	w->order.warned = true;
	opens(w, "its end is near", ALERT_ORDER_ENDS, "web", "web-02");
	ordered_out(w);
	w->order.reminders = 1;
	opens(w, "it has no end", ALERT_ORDER_ENDLESS, "web", "web-02");
	w->state.n_orders = 1;
	w->order.kind = ORDER_WEIGHT;
	w->order.weight = w->order.reminders = 1;
	silent(w, "it has no end, but its server serves");
	w->state.n_orders = 1;
	w->order.suspended = w->order.warned = true;
	silent(w, "it was recalled");
	w->state.n_overlays = 1;
	opens(w, "a server was removed by command", ALERT_REMOVED, "web", "web-03");
	w->state.n_overlays = 1;
	snprintf(w->overlay.server, sizeof(w->overlay.server), "web-02");
	silent(w, "it was removed, and is in its pool again");
	w->state.n_overlays = 1;
	w->overlay.remove = false;
	silent(w, "a server was added by command");
}

static void a_pool(void **state)
{
	struct world *w = *state;

	w->service.run.pool.fail_open = true;
	opens(w, "it is fail-open", ALERT_FAIL_OPEN, "web", "");
	w->service.run.pool.suspect = true;
	opens(w, "it times out as a whole", ALERT_OBSERVER_SUSPECT, "web", "");
	w->service.run.signals.alike = true;
	opens(w, "its servers err alike", ALERT_SERVICE_ERRS, "web", "");
	out(w, POOL_CAUSE_HELD);
	silent(w, "one of two serves");
	out(w, POOL_CAUSE_HELD);
	w->server[0].run.pool = second(w)->pool;
	opens(w, "none does", ALERT_NOBODY_SERVES, "web", "");
	w->service.n_servers = 0;
	opens(w, "it has no server", ALERT_NOBODY_SERVES, "web", "");
}

static void the_audit(void **state)
{
	static const enum audit_kind kinds[] = {AUDIT_EDITED, AUDIT_FOUGHT, AUDIT_LEFT, AUDIT_UNSHARED};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		audit_see(w->audit, kinds[i], "web", "web-02", "figures");
		opens(w, audit_meaning(kinds[i]), ALERT_UNDECLARED, "web", "web-02");
	}
	audit_see(w->audit, AUDIT_STRAY, "web", NULL, "1 of 2 slots");
	opens(w, "the tables name a server of nobody's", ALERT_UNDECLARED, "web", "");
	audit_see(w->audit, AUDIT_FOREIGN, NULL, "eth1", "program id 4");
	opens(w, "an interface carries another program", ALERT_UNDECLARED, "", "eth1");
	audit_see(w->audit, AUDIT_ORDERED, "web", "web-02", "drained");
	audit_see(w->audit, AUDIT_UNEVEN, "web", "web-02", "9 clients, where 5.0 were due");
	silent(w, "what others say, or chance may have done");
}

static void the_agent(void **state)
{
	struct world *w = *state;

	w->config.protections = false;
	opens(w, "protections are off", ALERT_UNPROTECTED, "", "/etc/muster.yaml");
	attached.program_id = 0;
	opens(w, "an interface carries no program", ALERT_NOT_ATTACHED, "", "eth1");
	snprintf(attached.ifname, sizeof(attached.ifname), "eth2");
	opens(w, "another one carries it", ALERT_NOT_ATTACHED, "", "eth1");
	disk_error = -ENOSPC;
	opens(w, "the disk is full", ALERT_STORAGE, "", "/var/lib/muster");
	book_run(w->book, "pager")->failures = 3;
	opens(w, "a receiver failed three times", ALERT_RECEIVER_FAILING, "", "pager");
	book_run(w->book, "pager")->failures = 2;
	silent(w, "a receiver failed twice");
	w->agent.pending = (char *)"it takes web-02 out";
	opens(w, "its file waits since the start", ALERT_CONFIG_PENDING, "", "/etc/muster.yaml");
	w->agent.pending = (char *)"it takes web-02 out";
	w->agent.pending_reload = true;
	opens(w, "a reload was refused", ALERT_RELOAD_REFUSED, "", "/etc/muster.yaml");
}

/* --- what nobody knows --------------------------------------------------------------------------------------------- */

/* A new start: nothing of a server is known, and nothing is over for that alone. */
static void forget_both(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		w->server[i].run.health.state = HEALTH_UNKNOWN;
		w->server[i].run.memory.level = MEMORY_UNKNOWN;
		w->server[i].run.hop = HOP_UNKNOWN;
	}
	*book_run(w->book, "pager") = (struct receiver_run){.name = "pager"};
}

static void what_is_not_known_is_not_over(void **state)
{
	static const enum alert_kind kept[] = {ALERT_SERVER_DOWN, ALERT_MEMORY_LOW, ALERT_MEMORY_HARD,
					       ALERT_NO_NEXT_HOP};
	struct world *w = *state;

	out(w, POOL_CAUSE_DOWN);
	second(w)->health.state = HEALTH_DOWN;
	second(w)->memory.level = MEMORY_HARD;
	second(w)->hop = HOP_FAILED;
	w->server[0].run.memory.level = MEMORY_STALE;
	w->server[0].run.pool = (struct pool_member_run){.cause = POOL_CAUSE_SUSPECT};
	book_run(w->book, "pager")->failures = 3;
	look(w);
	all_well(w);
	forget_both(w);
	for (int i = 0; i < 3; i++)
		look(w);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (!is_open(w, kept[i], "web", "web-02"))
			fail_msg("%s is over before anybody knows", alert_rules[kept[i]].name);
	assert_true(is_open(w, ALERT_MEMORY_SILENT, "web", "web-01"));
	assert_true(is_open(w, ALERT_OUT_WITHOUT_ORDER, "web", "web-01"));
	assert_true(is_open(w, ALERT_NOBODY_SERVES, "web", ""));
	assert_true(is_open(w, ALERT_RECEIVER_FAILING, "", "pager"));
	all_well(w);
	look(w);
	assert_int_equal(book_n_open(w->book), 0);
}

/* Whose source falls silent was short of memory when it was last heard. */
static void a_silent_source_ends_no_shortage(void **state)
{
	struct world *w = *state;

	second(w)->memory.level = MEMORY_HARD;
	look(w);
	second(w)->memory.level = MEMORY_STALE;
	audit_begin(w->audit, w->now_ms);
	look(w);
	assert_true(is_open(w, ALERT_MEMORY_SILENT, "web", "web-02"));
	assert_true(is_open(w, ALERT_MEMORY_HARD, "web", "web-02"));
	assert_true(is_open(w, ALERT_MEMORY_LOW, "web", "web-02"));
}

/* Nor does anything begin. */
static void what_is_not_known_is_no_alert(void **state)
{
	struct world *w = *state;

	forget_both(w);
	for (int i = 0; i < 2; i++)
		w->server[i].run.pool.effective = 0;
	look(w);
	assert_int_equal(book_n_open(w->book), 0);
}

/* Whose source is taken out of the configuration is not silent. */
static void without_a_source_memory_is_no_alert(void **state)
{
	struct world *w = *state;

	second(w)->memory.level = MEMORY_HARD;
	look(w);
	assert_true(is_open(w, ALERT_MEMORY_HARD, "web", "web-02"));
	all_well(w);
	second(w)->memory.level = MEMORY_UNKNOWN;
	w->server_conf[1].memory.source = MEMORY_NONE;
	look(w);
	assert_int_equal(book_n_open(w->book), 0);
}

/* --- the journal's -------------------------------------------------------------------------------------------------- */

/* As the agent writes them. */
static const struct event {
	enum alert_kind kind;
	const char *line, *to, *end; /* end: the word that ends it; NULL: time alone */
	int64_t lasts_ms;
} events[] = {
	{ALERT_CLOCK_BEHIND, "clock", "behind the last save", NULL, 60 * MINUTE},
	{ALERT_RECALLED, "order_recalled", "drain", NULL, 60 * MINUTE},
	{ALERT_CONFIG_BACK, "config_back", "rolled back", NULL, 10 * MINUTE},
	{ALERT_PACKETS_LOST, "packets", "not forwarded", NULL, 10 * MINUTE},
	{ALERT_NOT_CARRIED, "rehearsal", "not carried", "carried", 0},
};

static void lines_of_the_journal_open_and_end_theirs(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		const struct event *event = &events[i];
		const struct alert_rule *rule = &alert_rules[event->kind];
		struct book_view view = view_of(w);
		bool by_time = !event->end;

		if (alert_rule_match(rule, event->line, event->to) != 1)
			fail_msg("a line \"%s: %s\" does not open %s", event->line, event->to, rule->name);
		assert_int_equal(alert_rule_match(rule, "health", event->to), 0);
		if (!by_time && alert_rule_match(rule, event->line, event->end) != -1)
			fail_msg("a line \"%s: %s\" does not end %s", event->line, event->end, rule->name);
		book_raise(w->book, &view, event->kind, "web", "web-02", "");
		w->now_ms += by_time ? event->lasts_ms - 500 : 24 * 60 * MINUTE;
		look(w);
		if (!is_open(w, event->kind, "web", "web-02"))
			fail_msg("%s is over too early", rule->name);
		look(w);
		look(w);
		if (is_open(w, event->kind, "web", "web-02") == by_time)
			fail_msg("%s is %s", rule->name, by_time ? "not over when its time is" : "over by time alone");
		tried[event->kind] = true;
	}
}

/* Last: a rule that nothing above opens has no test. */
static void none_was_left_out(void **state)
{
	(void)state;
	for (int kind = 0; kind < ALERT_KINDS_N; kind++)
		if (!tried[kind])
			fail_msg("nothing here opens %s", alert_rules[kind].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_server, setup, teardown),
		cmocka_unit_test_setup_teardown(its_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(a_healthy_server_that_is_out, setup, teardown),
		cmocka_unit_test_setup_teardown(orders, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pool, setup, teardown),
		cmocka_unit_test_setup_teardown(the_audit, setup, teardown),
		cmocka_unit_test_setup_teardown(the_agent, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_known_is_not_over, setup, teardown),
		cmocka_unit_test_setup_teardown(a_silent_source_ends_no_shortage, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_known_is_no_alert, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_source_memory_is_no_alert, setup, teardown),
		cmocka_unit_test_setup_teardown(lines_of_the_journal_open_and_end_theirs, setup, teardown),
		cmocka_unit_test(none_was_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
