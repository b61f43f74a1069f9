// SPDX-License-Identifier: GPL-2.0-or-later
/* Orders and overlay: what is written is read back, what is damaged is refused with the reason, what is left is noted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "address.h"
#include "state.h"

static const struct order drain = {
	.id = 7,
	.kind = ORDER_DRAIN,
	.service = "web",
	.server = "web-02",
	.reason = "test of \"the\" new kernel\n",
	.owner = "alice (uid 1000)",
	.owner_uid = 1000,
	.claim = "bob",
	.wall_start_ms = 1700000000000,
	.wall_end_ms = 1700003600000,
	.boot_id = "4a0a2b1e-7f1c-4b0e-8b1b-0123456789ab",
	.boot_end_ms = 3700000,
	.length_ms = 3600000,
	.term_ms = 600000,
	.kill_after_ms = 60000,
	.no_recall = true,
	.warned = true,
	.overdue = true,
	.killed = true,
	.reminders = 3,
	.suspended = true,
	.suspended_wall_ms = 1700000001000,
	.suspended_why = "web-01 is down",
};
static const struct order heavier = {
	.id = 9,
	.kind = ORDER_WEIGHT,
	.service = "web",
	.server = "web-01",
	.weight = 256,
	.reason = "more",
	.owner = "root (uid 0)",
	.owner_uid = UINT32_MAX,
	.wall_end_ms = 1,
	.boot_id = "x",
	.boot_end_ms = -5000,
	.length_ms = LEASE_ENDLESS_MS,
	.term_ms = LEASE_ENDLESS_MS,
};

static struct overlay overlay_of(bool remove, const char *service, const char *server, const char *address)
{
	struct overlay overlay = {
		.remove = remove, .weight = remove ? 0 : 2, .owner = "alice (uid 1000)", .wall_ms = 5};

	snprintf(overlay.service, sizeof(overlay.service), "%s", service);
	snprintf(overlay.server, sizeof(overlay.server), "%s", server);
	if (address)
		assert_int_equal(address_parse(address, &overlay.addr), 0);
	return overlay;
}

static struct state *empty(void)
{
	struct state *state = NULL;
	char why[256];

	assert_int_equal(state_parse(NULL, &state, why, sizeof(why)), 0);
	return state;
}

static void no_file_is_an_empty_state(void **context)
{
	_cleanup_(state_free) struct state *state = empty();

	(void)context;
	assert_int_equal(state->next_id, 1);
	assert_int_equal(state->n_orders, 0);
	assert_int_equal(state->n_overlays, 0);
}

static struct state *full(void)
{
	struct state *state = empty();
	struct overlay add = overlay_of(false, "web", "web-03", "fd00::3"),
		       remove = overlay_of(true, "web", "web-01", NULL);

	add.port = 8080;
	assert_int_equal(state_add_order(state, &drain), 0);
	assert_int_equal(state_add_order(state, &heavier), 0);
	assert_int_equal(state_add_overlay(state, &add), 0);
	assert_int_equal(state_add_overlay(state, &remove), 0);
	state->wall_saved_ms = 1700000000123;
	return state;
}

static void what_is_written_is_read_back(void **context)
{
	_cleanup_(state_free) struct state *before = full(), *after = NULL;
	_cleanup_(freep) char *text = state_format(before), *again = NULL;
	char why[256];

	(void)context;
	assert_non_null(text);
	if (state_parse(text, &after, why, sizeof(why)))
		fail_msg("what was written should be readable, but: %s", why);
	assert_int_equal(after->next_id, 10);
	assert_int_equal(after->wall_saved_ms, 1700000000123);
	assert_int_equal(after->n_orders, 2);
	assert_int_equal(after->n_overlays, 2);
	assert_memory_equal(&after->orders[0], &drain, sizeof(drain));
	assert_memory_equal(&after->orders[1], &heavier, sizeof(heavier));
	for (size_t i = 0; i < 2; i++)
		assert_memory_equal(&after->overlays[i], &before->overlays[i], sizeof(struct overlay));
	again = state_format(after);
	assert_string_equal(text, again);
}

static void entries_are_dropped_by_index(void **context)
{
	_cleanup_(state_free) struct state *state = full();

	(void)context;
	state_drop_order(state, 0);
	assert_int_equal(state->n_orders, 1);
	assert_int_equal(state->orders[0].id, 9);
	state_drop_order(state, 0);
	assert_int_equal(state->n_orders, 0);
	state_drop_overlay(state, 0);
	assert_int_equal(state->n_overlays, 1);
	assert_true(state->overlays[0].remove);
	assert_int_equal(state->next_id, 10);
}

static void a_reason_cut_inside_a_character_is_saved(void **context)
{
	_cleanup_(state_free) struct state *state = empty(), *after = NULL;
	_cleanup_(freep) char *text = NULL;
	struct order order = drain;
	char why[256];

	(void)context;
	strcpy(order.reason, "caf\xc3");
	assert_int_equal(state_add_order(state, &order), 0);
	text = state_format(state);
	assert_non_null(text);
	assert_int_equal(state_parse(text, &after, why, sizeof(why)), 0);
	assert_string_equal(after->orders[0].reason, "caf?");
}

#define ORDER(id, server, weight, more)                                                                                \
	"{\"id\": " id ", \"kind\": \"drain\", \"service\": \"web\", \"server\": \"" server "\", \"weight\": " weight  \
	", \"reason\": \"r\", \"owner\": \"o\", \"owner_uid\": 0, \"claim\": \"\", \"wall_start_ms\": 1, "             \
	"\"wall_end_ms\": 2, \"boot_id\": \"b\", \"boot_end_ms\": 3, \"overdue\": false" more "}"
#define OVERLAY(action, more)                                                                                          \
	"{\"action\": \"" action "\", \"service\": \"web\", \"server\": \"a\", \"port\": 0, \"weight\": 1, "           \
	"\"owner\": \"o\", \"wall_ms\": 1" more "}"
#define FILE_OF(orders, overlays)                                                                                      \
	"{\"schema\": 1, \"next_id\": 5, \"wall_saved_ms\": 0, \"orders\": [" orders "], \"overlays\": [" overlays "]" \
	"}"

static void damage_is_refused_with_the_reason(void **context)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{"", "line 1, column"},
		{"{", "line 1, column"},
		{"[]", "not of schema 1"},
		{FILE_OF("", "") "x", "line 1, column"},
		{"{\"schema\": 2}", "not of schema 1: another version wrote it"},
		{"{\"schema\": 1, \"schema\": 1}", "duplicate object key"},
		{"{\"schema\": 1, \"next_id\": 1, \"wall_saved_ms\": 0, \"orders\": {}, \"overlays\": []}", "no lists"},
		{"{\"schema\": 1, \"next_id\": -1, \"wall_saved_ms\": 0, \"orders\": [], \"overlays\": []}",
		 "'next_id' is not a number from 0"},
		{"{\"schema\": 1, \"next_id\": 1, \"wall_saved_ms\": 0, \"orders\": [], \"overlays\": [], \"x\": 1}",
		 "unknown key 'x'"},
		{FILE_OF("7", ""), "orders[0]: not an object"},
		{FILE_OF("{}", ""), "orders[0]: 'id' is missing"},
		{FILE_OF(ORDER("1", "a", "0", ""), "") "", NULL},
		{FILE_OF(ORDER("1", "a", "0", ", \"x\": 1"), ""), "orders[0]: unknown key 'x'"},
		{FILE_OF(ORDER("1", "a", "257", ""), ""), "orders[0]: 'weight' is not a number from 0 to 256"},
		{FILE_OF(ORDER("1.5", "a", "0", ""), ""), "orders[0]: 'id' is not a number"},
		{FILE_OF(ORDER("0", "a", "0", ""), ""), "orders[0]: id 0 is not below next_id 5"},
		{FILE_OF(ORDER("5", "a", "0", ""), ""), "orders[0]: id 5 is not below next_id 5"},
		{FILE_OF(ORDER("1", "", "0", ""), ""), "orders[0]: 'server' has the impossible text ''"},
		{FILE_OF(ORDER("1", "a/b", "0", ""), ""), "orders[0]: 'server' has the impossible text 'a/b'"},
		{FILE_OF(ORDER("1", "abcdefghijklmnopqrstuvwxyz012345", "0", ""), ""), "orders[0]: 'server' has"},
		{FILE_OF(ORDER("1", "a", "0", "") ", " ORDER("1", "b", "0", ""), ""), "orders[1]: id 1 stands twice"},
		{FILE_OF("", OVERLAY("add", "")), "overlays[0]: add has no 'address'"},
		{FILE_OF("", OVERLAY("add", ", \"address\": \"10.0.0.300\"")), "overlays[0]: 'address' has"},
		{FILE_OF("", OVERLAY("add", ", \"address\": \"10.0.0.3\"")), NULL},
		{FILE_OF("", OVERLAY("remove", "")), NULL},
		{FILE_OF("", OVERLAY("remove", ", \"address\": \"10.0.0.3\"")), "overlays[0]: remove has an 'address'"},
		{FILE_OF("", OVERLAY("change", "")), "overlays[0]: 'action' has the impossible text 'change'"},
	};

	(void)context;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(state_free) struct state *state = NULL;
		char why[256] = "";
		int r = state_parse(cases[i].text, &state, why, sizeof(why));

		if (!cases[i].reason && r)
			fail_msg("case %zu should be read, but: %s", i, why);
		if (cases[i].reason && (r != -EINVAL || state || !strstr(why, cases[i].reason)))
			fail_msg("case %zu should be refused with '%s', not '%s'", i, cases[i].reason, why);
	}
}

static struct config *config_of_web(void)
{
	static const char text[] =
		"services:\n"
		"- name: web\n"
		"  address: 192.0.2.10\n"
		"  port: 80\n"
		"  memory: {source: node_exporter, soft: 40%}\n"
		"  servers: [{name: web-01, address: 10.0.0.1}, {name: web-02, address: 10.0.0.2}]\n";
	struct config *config = NULL;

	assert_int_equal(config_parse(text, strlen(text), "m.yaml", stderr, &config), 0);
	return config;
}

/* Applies one overlay to the file above; returns the notes, owned by the caller. */
static char *apply(struct config *config, const struct overlay *overlay)
{
	_cleanup_(state_free) struct state *state = empty();
	char *notes = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&notes, &size);

	assert_int_equal(state_add_overlay(state, overlay), 0);
	assert_int_equal(state_apply_overlay(state, config, out), 0);
	assert_int_equal(state->n_overlays, 1);
	fclose(out);
	return notes;
}

static void an_added_server_joins_with_the_services_defaults(void **context)
{
	_cleanup_(config_free) struct config *config = config_of_web();
	struct overlay add = overlay_of(false, "web", "web-03", "10.0.0.3");
	_cleanup_(freep) char *notes = apply(config, &add);
	const struct server_conf *server = &config->services[0].servers[2];

	(void)context;
	assert_string_equal(notes, "");
	assert_int_equal(config->services[0].n_servers, 3);
	assert_string_equal(server->name, "web-03");
	assert_int_equal(server->weight, 2);
	assert_int_equal(server->line, 0);
	assert_int_equal(server->memory.soft_pct, 40);
}

static void a_removed_server_is_gone(void **context)
{
	_cleanup_(config_free) struct config *config = config_of_web();
	struct overlay remove = overlay_of(true, "web", "web-01", NULL);
	_cleanup_(freep) char *notes = apply(config, &remove);

	(void)context;
	assert_string_equal(notes, "");
	assert_int_equal(config->services[0].n_servers, 1);
	assert_string_equal(config->services[0].servers[0].name, "web-02");
}

static void what_does_not_fit_is_noted(void **context)
{
	static const struct {
		bool remove;
		const char *service, *server, *address, *note;
	} cases[] = {
		{false, "gone", "web-03", "10.0.0.3",
		 "service 'gone' is not declared in m.yaml: server 'web-03', added by"},
		{true, "gone", "web-03", NULL, "service 'gone' is not declared in m.yaml: server 'web-03', removed by"},
		{false, "web", "web-01", "10.0.0.3", "is declared in m.yaml now: the addition is absorbed"},
		{false, "web", "web-03", "10.0.0.1", "does not fit and is left out: 10.0.0.1:80 is server 'web-01'"},
		{false, "web", "web-03", "fd00::3",
		 "does not fit and is left out: address fd00::3 is not of the family"},
		{true, "web", "web-03", NULL, "is not declared in m.yaml any more: the removal is absorbed"},
	};

	(void)context;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(config_free) struct config *config = config_of_web();
		struct overlay overlay =
			overlay_of(cases[i].remove, cases[i].service, cases[i].server, cases[i].address);
		_cleanup_(freep) char *notes = apply(config, &overlay);

		if (!strstr(notes, cases[i].note) || strchr(notes, '\n') != notes + strlen(notes) - 1)
			fail_msg("case %zu should note '%s' in one line, not: %s", i, cases[i].note, notes);
		assert_int_equal(config->services[0].n_servers, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_file_is_an_empty_state),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(entries_are_dropped_by_index),
		cmocka_unit_test(a_reason_cut_inside_a_character_is_saved),
		cmocka_unit_test(damage_is_refused_with_the_reason),
		cmocka_unit_test(an_added_server_joins_with_the_services_defaults),
		cmocka_unit_test(a_removed_server_is_gone),
		cmocka_unit_test(what_does_not_fit_is_noted),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
