// SPDX-License-Identifier: GPL-2.0-or-later
/* The incident, as its journal tells it: the post-mortem names the lease and the memory as causes, with their times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "policy/lease.h"
#include "report/postmortem.h"

#define FROM 1795849200000LL /* 2026-11-28T07:00:00Z */

static const char journal[] =
	"[{\"seq\":1,\"time\":\"2026-11-28T06:50:00.000Z\",\"kind\":\"order\",\"service\":\"web\",\"server\":\"web-"
	"02\","
	"\"from\":\"weight 1\",\"to\":\"drained for 2 h\",\"cause\":\"a test\",\"owner\":\"root (uid 0)\"},"
	"{\"seq\":2,\"time\":\"2026-11-28T06:50:00.100Z\",\"kind\":\"weight\",\"service\":\"web\",\"server\":\"web-"
	"02\","
	"\"from\":\"1\",\"to\":\"0\",\"cause\":\"an order holds it at this weight\"},"
	"{\"seq\":3,\"time\":\"2026-11-28T07:02:00.500Z\",\"kind\":\"memory\",\"service\":\"web\",\"server\":\"web-"
	"01\","
	"\"from\":\"good\",\"to\":\"low\",\"cause\":\"24.0 % of 256 MiB available\"},"
	"{\"seq\":4,\"time\":\"2026-11-28T07:03:00.000Z\",\"kind\":\"sync\",\"to\":\"+0 -0 ~1\"},"
	"{\"seq\":5,\"time\":\"2026-11-28T07:04:00.000Z\",\"kind\":\"order_recalled\",\"service\":\"web\","
	"\"server\":\"web-02\",\"from\":\"drained\",\"to\":\"recalled\",\"cause\":\"those left fall short\"},"
	"{\"seq\":6,\"time\":\"2026-11-28T07:04:00.000Z\",\"kind\":\"weight\",\"service\":\"web\",\"server\":\"web-"
	"02\","
	"\"from\":\"0\",\"to\":\"1\",\"cause\":\"full weight\"},"
	"{\"seq\":7,\"time\":\"2026-11-28T09:00:00.000Z\",\"kind\":\"health\",\"service\":\"web\",\"server\":\"web-"
	"01\","
	"\"from\":\"up\",\"to\":\"down\",\"cause\":\"later\"}]";

/* An hour, and two minutes of the last one. */
static const char spans[] =
	"[{\"service\":\"web\",\"server\":\"web-01\",\"wall_ms\":1795845600000,\"span_ms\":3600000,\"flows\":100,"
	"\"requests\":1000,\"refused\":0,\"errors_5xx\":0,\"resets\":3,\"repeated\":0,\"live\":4,\"available_pct\":40."
	"0},"
	"{\"service\":\"web\",\"server\":\"web-01\",\"wall_ms\":1795849320000,\"span_ms\":60000,\"flows\":100,"
	"\"requests\":95,\"refused\":5,\"errors_5xx\":15,\"resets\":0,\"repeated\":7,\"live\":4,\"available_pct\":7.5},"
	"{\"service\":\"web\",\"server\":\"web-02\",\"wall_ms\":1795849320000,\"span_ms\":60000,\"flows\":0,"
	"\"requests\":0,\"refused\":0,\"errors_5xx\":0,\"resets\":0,\"repeated\":0,\"live\":null,"
	"\"available_pct\":null}]";

static json_t *made(const char *events_text)
{
	json_t *events = json_loads(events_text, 0, NULL), *rows = json_loads(spans, 0, NULL), *document;

	assert_non_null(events);
	assert_non_null(rows);
	document = postmortem_json(&(struct postmortem_input){
		.events = events, .spans = rows, .from_ms = FROM, .to_ms = FROM + 10 * 60000});
	json_decref(events);
	json_decref(rows);
	assert_non_null(document);
	return document;
}

static const char *text_at(const json_t *document, const char *list, size_t i)
{
	const json_t *item = json_array_get(json_object_get(document, list), i);

	return json_is_string(item) ? json_string_value(item) : event_text(item, "text");
}

static void names_the_lease_and_the_memory(void **state)
{
	json_t *document = made(journal), *causes = json_object_get(document, "causes"), *evidence;

	(void)state;
	assert_int_equal(json_array_size(causes), 2);
	assert_string_equal(text_at(document, "causes", 0),
			    "web/web-02 was taken out by an order, and did not carry its share");
	evidence = json_object_get(json_array_get(causes, 0), "evidence");
	assert_string_equal(json_string_value(json_array_get(evidence, 0)),
			    "2026-11-28 06:50:00 UTC: drained for 2 h: a test (by root (uid 0))");
	assert_string_equal(text_at(document, "causes", 1), "web/web-01 ran short of memory");
	assert_non_null(strstr(text_at(document, "summary", 0), "Of 200 new connections and 1095 requests, 20 met"));
	assert_string_equal(text_at(document, "summary", 1),
			    "By kind: 5 refused, 15 answered 5xx, 3 reset by their server, 7 "
			    "asked for again, for nobody answered in time.");
	assert_non_null(strstr(text_at(document, "summary", 2), "20.0 % of what clients asked for failed"));
	/* The hour's row is that before the period. */
	assert_string_equal(
		text_at(document, "summary", 3),
		"Some figures are known by the hour alone: they may begin before the period, and end after it.");
	assert_non_null(strstr(text_at(document, "summary", 4), "web/web-02 was taken out"));
	assert_int_equal(json_array_size(json_object_get(document, "follow_ups")), 2);
	json_decref(document);
}

static void counts_what_it_cost(void **state)
{
	json_t *document = made(journal), *impact = json_object_get(document, "impact"), *server;
	size_t i, seen = 0;

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(impact, "first_failure_ms")), FROM + 120000);
	assert_int_equal(json_integer_value(json_object_get(impact, "last_failure_ms")), FROM + 180000);
	assert_int_equal(json_integer_value(json_object_get(impact, "requests")), 1095);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(impact, "kinds"), "errors_5xx")), 15);
	json_array_foreach(json_object_get(impact, "servers"), i, server)
	{
		if (!strcmp(event_text(server, "server"), "web-02")) {
			/* Out before the period began, until it was recalled in its fourth minute. */
			assert_int_equal(json_integer_value(json_object_get(server, "out_ms")), 4 * 60000);
			assert_true(json_is_null(json_object_get(server, "least_available_pct")));
			assert_true(json_is_null(json_object_get(server, "requests")));
			seen++;
		} else {
			assert_true(json_number_value(json_object_get(server, "least_available_pct")) == 7.5);
			assert_int_equal(json_integer_value(json_object_get(server, "failures")), 20);
			seen++;
		}
	}
	assert_int_equal(seen, 2);
	json_decref(document);
}

static void tells_who_did_what(void **state)
{
	json_t *document = made(journal), *lines = json_object_get(document, "timeline");

	(void)state;
	/* Of the period alone, and without upkeep. */
	assert_int_equal(json_array_size(lines), 3);
	assert_string_equal(event_text(json_array_get(lines, 0), "by"), "server");
	assert_string_equal(event_text(json_array_get(lines, 1), "by"), "muster");
	assert_int_equal(json_array_size(json_object_get(document, "by_itself")), 2);
	json_decref(document);
}

static void what_an_order_comes_to_by_itself_is_no_operators_doing(void **state)
{
#define OWNED(KIND, TO)                                                                                                \
	"{\"time\":\"2026-11-28T07:01:00.000Z\",\"kind\":\"" KIND "\",\"to\":\"" TO "\",\"owner\":\"root (uid 0)\"}"
	json_t *document =
		made("[" OWNED("order", "drained for 1 h") "," OWNED("order_ending", "ends in 12 min") "," OWNED(
			"order_ended", "returned: its time is over") "," OWNED("order_ended", "returned") "]");
	const json_t *lines = json_object_get(document, "timeline");
	static const char *const by[] = {"operator", "muster", "muster", "operator"};

	(void)state;
	assert_int_equal(json_array_size(lines), ARRAY_SIZE(by));
	for (size_t i = 0; i < ARRAY_SIZE(by); i++)
		assert_string_equal(event_text(json_array_get(lines, i), "by"), by[i]);
	json_decref(document);
}

/* A trial that Muster ends is its doing, one that an operator takes back is theirs; an alert is told, not done. */
static void what_muster_did_is_told_apart(void **state)
{
#define PLAIN(KIND, TO) "{\"time\":\"2026-11-28T07:01:00.000Z\",\"kind\":\"" KIND "\",\"to\":\"" TO "\"}"
	json_t *document = made("[" PLAIN("config_back", "rolled back") "," OWNED(
		"config_back", "rolled back") "," PLAIN("alert", "open") "]");
	const json_t *itself = json_object_get(document, "by_itself");

	(void)state;
	assert_int_equal(json_array_size(json_object_get(document, "timeline")), 3);
	assert_int_equal(json_array_size(itself), 1);
	assert_string_equal(json_string_value(json_array_get(itself, 0)), "config_back rolled back");
	json_decref(document);
}

static void what_muster_recycled_is_its_own_doing_and_no_cause(void **state)
{
	json_t *document =
		made("[{\"time\":\"2026-11-28T07:01:00.000Z\",\"kind\":\"order\",\"server\":\"web-01\","
		     "\"to\":\"drained for 30 min\",\"owner\":\"" MUSTER_OWNER "\"}," PLAIN("recycle", "hook") "]");

	(void)state;
	assert_string_equal(event_text(json_array_get(json_object_get(document, "timeline"), 0), "by"), "muster");
	assert_int_equal(json_array_size(json_object_get(document, "causes")), 0);
	assert_string_equal(json_string_value(json_array_get(json_object_get(document, "by_itself"), 0)),
			    "recycle hook");
	json_decref(document);
}

static void an_empty_journal_names_no_cause(void **state)
{
	json_t *document = made("[]");

	(void)state;
	assert_int_equal(json_array_size(json_object_get(document, "causes")), 0);
	assert_non_null(strstr(text_at(document, "summary", 4), "names no cause"));
	json_decref(document);
}

/* What ended, or got better, is no cause; and an error is no refusal. */
static void only_what_went_wrong_is_a_cause(void **state)
{
#define LINE(KIND, TO)                                                                                                 \
	"{\"time\":\"2026-11-28T07:01:00.000Z\",\"kind\":\"" KIND "\",\"server\":\"s\",\"to\":\"" TO "\"}"
	static const struct {
		const char *events, *cause;
	} cases[] = {
		{"[" LINE("signals", "answers") "]", NULL},
		{"[" LINE("signals", "like its pool") "]", NULL},
		{"[" LINE("signals", "normal") "]", NULL},
		{"[" LINE("forecast", "no end near") "]", NULL},
		{"[" LINE("memory", "good") "]", NULL},
		{"[" LINE("health", "up") "]", NULL},
		{"[" LINE("storage", "good") "]", NULL},
		{"[" LINE("audit", "good") "]", NULL},
		{"[" LINE("order", "weight 5 for 1 h") "]", NULL},
		{"[" LINE("order", "weight 0 for 1 h") "]", "s was taken out by an order, and did not carry its share"},
		{"[" LINE("order", "in maintenance without end") "]",
		 "s was taken out by an order, and did not carry its share"},
		{"[" LINE("signals", "refuses, a check is asked") "]", "s refused its clients' connections"},
		{"[" LINE("signals", "refuses, confirmed") "]", "s refused its clients' connections"},
		{"[" LINE("signals", "errs") "]", "s answered with 5xx"},
		{"[" LINE("signals", "all err alike") "]", "s answered with 5xx"},
		{"[" LINE("forecast", "out of memory in about 14 min") "]", "s ran short of memory"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *document = made(cases[i].events);
		size_t n = json_array_size(json_object_get(document, "causes"));

		if (n != (cases[i].cause ? 1 : 0))
			fail_msg("%s: %zu causes", cases[i].events, n);
		if (n)
			assert_string_equal(text_at(document, "causes", 0), cases[i].cause);
		json_decref(document);
	}
}

static void odd_lines_stop_nothing(void **state)
{
	json_t *document = made("[{}, {\"kind\": 7, \"time\": \"never\"}, {\"kind\": \"order\"}, null, \"text\", "
				"{\"kind\":\"order\",\"time\":\"2026-11-28T07:01:00.000Z\",\"to\":\"drained %s %n\"}]");

	(void)state;
	assert_int_equal(json_array_size(json_object_get(document, "causes")), 1);
	json_decref(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_lease_and_the_memory),
		cmocka_unit_test(counts_what_it_cost),
		cmocka_unit_test(tells_who_did_what),
		cmocka_unit_test(what_an_order_comes_to_by_itself_is_no_operators_doing),
		cmocka_unit_test(what_muster_did_is_told_apart),
		cmocka_unit_test(what_muster_recycled_is_its_own_doing_and_no_cause),
		cmocka_unit_test(an_empty_journal_names_no_cause),
		cmocka_unit_test(odd_lines_stop_nothing),
		cmocka_unit_test(only_what_went_wrong_is_a_cause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
