// SPDX-License-Identifier: GPL-2.0-or-later
/* The post-mortem as Markdown, and its chart: what operators and servers are called and say is markup of neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <time.h>

#include "cli/render.h"

#define SPAN(SERVER, MOMENT, LENGTH, SHARE, MEMORY)                                                                    \
	"{\"service\":\"web\",\"server\":\"" SERVER "\",\"wall_ms\":" MOMENT ",\"span_ms\":" LENGTH                    \
	",\"flows\":10,\"share_pct\":" SHARE ",\"available_pct\":" MEMORY "}"

/* An hour and two minutes of two servers; the second one's memory is known but once. */
/* clang-format off */
static const char spans[] = "["
	SPAN("web-01",   "1795845600000", "3600000", "50.0", "40.0") ","
	SPAN("<web>&02", "1795845600000", "3600000", "50.0", "null") ","
	SPAN("web-01",   "1795849200000", "60000", "100.0", "7.5") ","
	SPAN("<web>&02", "1795849200000", "60000", "0.0", "30.0") ","
	SPAN("web-01",   "1795849260000", "60000", "null", "8.0") ","
	SPAN("<web>&02", "1795849260000", "60000", "null", "null") "]";
/* clang-format on */

static const char document_text[] =
	"{\"from_ms\":1795845600000,\"to_ms\":1795849320000,\"summary\":[\"Likeliest: a|b\"],\"impact\":{\"flows\":60,"
	"\"requests\":120,\"failures\":20,\"first_failure_ms\":1795849200000,\"last_failure_ms\":1795849320000,"
	"\"affected_pct\":25.0,\"servers\":[{\"service\":\"web\",\"server\":\"web-01\",\"flows\":30,\"requests\":120,"
	"\"refused\":5,\"errors_5xx\":15,\"resets\":0,\"repeated\":7,\"out_ms\":0,\"least_available_pct\":7.5},"
	"{\"service\":\"web\",\"server\":\"<web>&02\",\"flows\":30,\"requests\":null,\"refused\":0,\"errors_5xx\":0,"
	"\"resets\":0,\"repeated\":0,\"out_ms\":240000,\"least_available_pct\":30.0}]},"
	"\"timeline\":[{\"wall_ms\":1795849200000,\"by\":\"operator\",\"text\":\"drained: "
	"<script>|![x](//e)\\u0007\\u0085`\\u00a0\"}],"
	"\"causes\":[{\"text\":\"<i>\",\"evidence\":[\"a|b\\nc\"]}],\"spans\":";

static json_t *document(void)
{
	char text[sizeof(document_text) + sizeof(spans) + 1];
	json_t *json;

	snprintf(text, sizeof(text), "%s%s}", document_text, spans);
	json = json_loads(text, 0, NULL);
	assert_non_null(json);
	return json;
}

static char *markdown(const json_t *json, const char *picture)
{
	struct look look = {.width = 0};
	char *text = NULL;
	size_t size;

	look.out = open_memstream(&text, &size);
	render_postmortem(&look, json, picture);
	fclose(look.out);
	return text;
}

static char *chart(const json_t *json, bool drawn)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(render_chart(out, json), drawn);
	fclose(out);
	return text;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in:\n%s", part, text);
}

static void has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in:\n%s", part, text);
}

/* One tag from its '<' on: what it opens goes on the stack, what it closes is on top of it. Returns the byte behind. */
static const char *take_tag(const char *at, const char **stack, size_t *depth)
{
	bool closes = at[1] == '/';
	const char *name = at + 1 + closes, *end = name;

	while (*end && *end != '>') {
		assert_true(*end != '<');
		if (*end == '"') {
			assert_true(end[-1] == '=');
			end = strchr(end + 1, '"');
			assert_non_null(end);
		}
		end++;
	}
	assert_true(*end == '>');
	if (closes) {
		size_t n = (size_t)(end - name);

		assert_true(*depth > 0);
		(*depth)--;
		if (strncmp(stack[*depth], name, n) != 0 || isalpha((unsigned char)stack[*depth][n]))
			fail_msg("</%.*s> closes <%.8s", (int)n, name, stack[*depth]);
	} else if (end[-1] != '/') {
		assert_true(*depth < 16);
		stack[(*depth)++] = name;
	}
	return end + 1;
}

/* Well-formed, as far as the chart uses XML: tags are closed in order, values quoted, and every '&' is a number. */
static void is_xml(const char *text)
{
	const char *stack[16];
	size_t depth = 0;

	for (const char *at = text; *at;) {
		if (*at == '&')
			assert_true(at[1] == '#' && isdigit((unsigned char)at[2]) && strchr(at, ';') - at <= 4);
		assert_true((unsigned char)*at >= ' ' || *at == '\n');
		at = *at == '<' ? take_tag(at, stack, &depth) : at + 1;
	}
	assert_int_equal(depth, 0);
}

static size_t times(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text++)
		n++;
	return n;
}

static void the_impact_is_a_table_of_figures(void **state)
{
	json_t *json = document();
	char *text = markdown(json, NULL);

	(void)state;
	has(text, "60 new connections, 120 requests answered; 20 refused or answered 5xx.\n");
	has(text, "Failures from 2026-11-28 07:00:00 to 2026-11-28 07:02:00: 2m");
	has(text, "Clients affected meanwhile: 25.0 %, if all ask alike.\n");
	has(text, "From 2026-11-28 06:00:00 to 2026-11-28 07:00:00 figures are known by the hour: they may begin "
		  "before the period, and end after it.\n");
	has(text, "| web/web-01 | 30 | 120 | 5 | 15 | 0 | 7 | - | 7.5 % |\n");
	has(text, "| 30 | - | 0 | 0 | 0 | 0 | 4m | 30.0 % |\n");
	has(text, "2026-11-28 06:00, 60 min ");
	assert_int_equal(times(text, " %  "), 6);
	has_not(text, "![Shares");
	free(text);
	json_decref(json);
}

static void foreign_text_is_no_markup(void **state)
{
	json_t *json = document();
	char *text = markdown(json, "a (1).svg");

	(void)state;
	has(text, "| operator | drained: \\<script>\\|!\\[x](//e)??\\`\u00a0 |\n");
	has(text, "- Likeliest: a\\|b\n");
	has(text, "1. \\<i>\n   - a\\|b?c\n");
	has(text, "| web/\\<web>\\&02 |");
	has(text, "![Shares of new connections, and memory available](a%20%281%29.svg)\n");
	free(text);
	json_decref(json);
}

static void the_chart_has_a_point_a_row(void **state)
{
	json_t *json = document();
	char *text = chart(json, true), *share, *memory;

	(void)state;
	is_xml(text);
	has_not(text, "<web>");
	has(text, "<title>&#60;web&#62;&#38;02</title>");
	/* Two servers, two moments in which something came: a line each. Memory: one line of three points, and one point. */
	memory = strstr(text, "memory available");
	assert_non_null(memory);
	share = strndup(text, (size_t)(memory - text));
	assert_int_equal(times(share, "h0L"), 2);
	assert_int_equal(times(share, "h0\""), 0);
	assert_int_equal(times(memory, "L"), 2);
	assert_int_equal(times(memory, "h0\""), 1);
	/* At 7.5 % nearly at the bottom, and the hour's point in the middle of its hour. */
	has(share, "M348.0 81.0h0L");
	free(share);
	free(text);
	json_decref(json);
}

static void nothing_known_is_no_chart(void **state)
{
	static const char *const texts[] = {"{}", "[]", "{\"spans\":[]}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		json_t *json = json_loads(texts[i], 0, NULL);
		char *text = markdown(json, NULL);

		has_not(text, "Shares and memory");
		free(text);
		free(chart(json, false));
		json_decref(json);
	}
}

/* A minute of which there is no row, as when the host booted anew, is no line. */
static void a_missing_row_breaks_the_line(void **state)
{
	json_t *json = document();
	char *text;

	(void)state;
	/* The first server's first minute: its hour ends before the next one begins. */
	json_array_remove(json_object_get(json, "spans"), 2);
	text = chart(json, true);
	assert_int_equal(times(strstr(text, "memory available"), "L"), 0);
	free(text);
	json_decref(json);
}

/* Of servers to which nothing came, and whose memory nobody reads, there is nothing to draw. */
static void no_figure_is_no_chart(void **state)
{
	static const char of_nothing[] = SPAN("web-01", "1795849200000", "60000", "null", "null");
	json_t *json = json_pack("{s:[o], s:{s:[{s:s, s:s}]}}", "spans", json_loads(of_nothing, 0, NULL), "impact",
				 "servers", "service", "web", "server", "web-01");
	char *text = chart(json, false);

	(void)state;
	assert_string_equal(text, "");
	free(text);
	json_decref(json);
}

/* Of many servers some have a line, and all a bar; half a document is drawn as half a chart. */
static void odd_documents_are_drawn(void **state)
{
	json_t *json = json_loads("{\"spans\":[{},{\"share_pct\":50},1],\"impact\":{\"servers\":[{},2]},\"timeline\":["
				  "3],\"causes\":[{}]}",
				  0, NULL);
	char *text = markdown(json, NULL);

	(void)state;
	free(text);
	text = chart(json, true);
	is_xml(text);
	free(text);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_impact_is_a_table_of_figures),
		cmocka_unit_test(foreign_text_is_no_markup),
		cmocka_unit_test(the_chart_has_a_point_a_row),
		cmocka_unit_test(nothing_known_is_no_chart),
		cmocka_unit_test(odd_documents_are_drawn),
		cmocka_unit_test(a_missing_row_breaks_the_line),
		cmocka_unit_test(no_figure_is_no_chart),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
