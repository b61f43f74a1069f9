// SPDX-License-Identifier: GPL-2.0-or-later
/* Documents of the agent (fixtures/NAME.json) as text at 80 columns without colour (fixtures/NAME.txt), byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "cli/render.h"

/* Beside this file; its path is the one it was compiled by, from the top of the tree, where the tests run. */
static char *slurp(const char *name, const char *suffix)
{
	char path[512], *text = calloc(1, 65536);
	FILE *file;

	snprintf(path, sizeof(path), "%.*s/fixtures/%s%s", (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__, name,
		 suffix);
	file = fopen(path, "r");
	if (!file)
		fail_msg("cannot open %s: run from the top of the tree", path);
	if (fread(text, 1, 65535, file) == 0)
		fail_msg("%s is empty", path);
	fclose(file);
	return text;
}

static json_t *document(const char *name)
{
	char *text = slurp(name, ".json");
	json_t *json = json_loads(text, 0, NULL);

	free(text);
	if (!json)
		fail_msg("%s.json is no JSON", name);
	return json;
}

typedef void (*render_fn)(const struct look *look, const json_t *document);

static char *rendered(render_fn render, const json_t *json, size_t width, bool color)
{
	struct look look = {.width = width, .color = color};
	char *text = NULL;
	size_t size;

	look.out = open_memstream(&text, &size);
	render(&look, json);
	fclose(look.out);
	return text;
}

static void renders(render_fn render, const char *name, const char *want_name)
{
	json_t *json = document(name);
	char *got = rendered(render, json, 80, false), *want = slurp(want_name, ".txt");

	if (strcmp(got, want) != 0)
		fail_msg("%s.json is not rendered as %s.txt but as:\n%s", name, want_name, got);
	for (const char *line = got; *line; line += strcspn(line, "\n") + 1)
		if (strcspn(line, "\n") > 80)
			fail_msg("a line is wider than 80 columns: %.*s", (int)strcspn(line, "\n"), line);
	free(got);
	free(want);
	json_decref(json);
}

static void test_exact(void **state)
{
	(void)state;
	renders(render_status, "status", "status");
	renders(render_services, "status", "services");
	renders(render_servers, "status", "servers");
	renders(render_server, "server", "server");
	renders(render_server, "server-low", "server-low");
	renders(render_server, "server-orders", "server-orders");
	renders(render_leases, "leases", "leases");
	renders(render_flows, "flows", "flows");
	renders(render_picks, "picks", "picks");
	renders(render_why, "why", "why");
	renders(render_why, "why-refused", "why-refused");
	renders(render_verdicts, "stats", "verdicts");
	renders(render_verdicts_all, "stats", "verdicts-all");
	renders(render_stats, "stats", "stats");
	renders(render_events, "events", "events");
	renders(render_status, "empty", "empty");
}

static void test_widths(void **state)
{
	json_t *json = document("status");
	char *wide = rendered(render_status, json, 0, false), *color = rendered(render_status, json, 80, true);

	(void)state;
	if (!strstr(wide, "10.0.0.11:8080") || !strstr(wide, "368.6 MiB"))
		fail_msg("without a limit of width columns are missing:\n%s", wide);
	if (!strstr(color, "\033[32mup") || !strstr(color, "\033[33mdrained") || strstr(wide, "\033"))
		fail_msg("colours are missing, or where they should not be:\n%s", color);
	free(wide);
	free(color);
	json_decref(json);
}

/* Any document must be survived: another version's, half of one, none. */
static void test_odd_documents(void **state)
{
	static const char *const texts[] = {
		"{}", "[]", "{\"services\": [{}]}", "{\"services\": [{\"servers\": [{}]}]}",
		"{\"servers\": [{\"orders\": [{}]}], \"flows\": [{}], \"events\": [{}], \"leases\": [{}], "
		"\"verdicts\": [{\"packets\": 1}], \"stages\": [1, {}], \"hints\": [1], "
		"\"slots\": [null, {}], \"attention\": [1]}"};
	static const render_fn renderers[] = {render_status, render_services, render_servers,  render_server,
					      render_flows,  render_picks,    render_verdicts, render_verdicts_all,
					      render_stats,  render_events,   render_why,      render_leases};

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(renderers); r++) {
		for (size_t i = 0; i <= ARRAY_SIZE(texts); i++) {
			json_t *json = i < ARRAY_SIZE(texts) ? json_loads(texts[i], 0, NULL) : NULL;

			free(rendered(renderers[r], json, 80, false));
			json_decref(json);
		}
	}
}

static void change_is(const char *text, const char *want_out, const char *want_errors)
{
	json_t *json = json_loads(text, 0, NULL);
	struct look look = {.width = 80};
	char *out = NULL, *errors = NULL;
	size_t size, errors_size;
	FILE *stream = open_memstream(&errors, &errors_size);

	look.out = open_memstream(&out, &size);
	render_change(&look, stream, json);
	fclose(look.out);
	fclose(stream);
	assert_string_equal(out, want_out);
	assert_string_equal(errors, want_errors);
	free(out);
	free(errors);
	json_decref(json);
}

static void test_changes(void **state)
{
	(void)state;
	change_is("{\"result\": \"done\", \"message\": \"drained for 30m\", \"changes\": [{\"service\": \"web\", "
		  "\"server\": \"web-02\", \"before\": \"weight 1\", \"after\": \"weight 0\"}], "
		  "\"undo\": \"muster return web-02\"}",
		  "web/web-02: weight 1 -> weight 0\ndrained for 30m\nundo: muster return web-02\n", "");
	change_is(
		"{\"result\": \"done\", \"changes\": [{\"interface\": \"eth1\", \"before\": \"a\", \"after\": \"b\"}]}",
		"eth1: a -> b\n", "");
	change_is("{\"result\": \"unchanged\", \"message\": \"it is drained already\", \"changes\": []}",
		  "it is drained already\n", "");
	change_is("{\"result\": \"refused\", \"message\": \"web-01 is the last one\"}", "",
		  "muster: refused: web-01 is the last one\n");
	change_is("{\"result\": \"failed\", \"message\": \"a\\nb\\n\"}", "", "muster: a\nb\n");
	change_is("{}", "", "muster: the agent did not say why; look at musterd's log\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_exact), cmocka_unit_test(test_widths),
					   cmocka_unit_test(test_odd_documents), cmocka_unit_test(test_changes)};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
