// SPDX-License-Identifier: GPL-2.0-or-later
/* What each receiver is sent, byte by byte beside its fixture; what it answers; what the table promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "alerts/receivers/receiver.h"
#include "cli/parse.h"

#define FIXTURES "tests/unit/alerts/fixtures/"
#define WALL_MS  1790000000000LL /* 2026-09-21T14:13:20Z */

static struct alert alert_of(void)
{
	struct alert alert = {.id = 7,
			      .kind = ALERT_SERVER_DOWN,
			      .service = "web",
			      .server = "web-02",
			      .detail = "connecting to 10.0.0.2:80: \"refused\" <& more>",
			      .times = 2,
			      .since_wall_ms = WALL_MS,
			      .over_wall_ms = WALL_MS + 61000};

	return alert;
}

static const struct receiver_conf receiver = {.from = (char *)"muster@example.org",
					      .to = (char *)"ops@example.org,second@example.org"};

static struct alert_message message_now(bool page)
{
	struct alert alert = alert_of();
	struct alert_message message;

	message_of_alert(&message, &alert, "lb-01", page, WALL_MS + 90000);
	return message;
}

/* Beside the fixture; with WRITE_FIXTURES in the environment it is written anew, to be looked at. */
static void same_as(const char *name, char *body)
{
	char path[128], want[8192];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), FIXTURES "%s", name);
	assert_non_null(body);
	if (getenv("WRITE_FIXTURES") && (file = fopen(path, "w"))) {
		fwrite(body, 1, strlen(body), file);
		fclose(file);
	}
	file = fopen(path, "r");
	if (!file)
		fail_msg("there is no fixture %s", path);
	n = fread(want, 1, sizeof(want) - 1, file);
	want[n] = '\0';
	fclose(file);
	if (strcmp(body, want))
		fail_msg("%s is not what is sent:\n%s", path, body);
	free(body);
}

static void bodies_are_the_fixtures(void **state)
{
	struct alert_message page = message_now(true), end = message_now(false);

	(void)state;
	same_as("webhook-page.json", webhook_body(&page, &receiver, ""));
	same_as("webhook-end.json", webhook_body(&end, &receiver, ""));
	same_as("slack-page.json", slack_body(&page, &receiver, ""));
	same_as("slack-end.json", slack_body(&end, &receiver, ""));
	same_as("pagerduty-page.json", pagerduty_body(&page, &receiver, "R0UT1NGK3Y"));
	same_as("pagerduty-end.json", pagerduty_body(&end, &receiver, "R0UT1NGK3Y"));
	same_as("alertmanager-page.json", alertmanager_body(&page, &receiver, ""));
	same_as("alertmanager-end.json", alertmanager_body(&end, &receiver, ""));
	same_as("smtp-page.eml", smtp_body(&page, &receiver, ""));
	same_as("smtp-end.eml", smtp_body(&end, &receiver, ""));
	same_as("heartbeat.json", heartbeat_body("lb-01", 2, WALL_MS));
}

static void a_test_says_that_it_is_one(void **state)
{
	struct alert_message test;

	(void)state;
	message_of_test(&test, "pager", "lb-01", WALL_MS);
	same_as("webhook-test.json", webhook_body(&test, &receiver, ""));
	same_as("alertmanager-test.json", alertmanager_body(&test, &receiver, ""));
}

static void subjects_of_mails_are_ascii_on_the_wire(void **state)
{
	struct alert alert = alert_of();
	struct alert_message message;
	char *mail, *end;

	(void)state;
	for (size_t i = 0; i < 60; i++)
		memcpy(alert.detail + 2 * i, "\xc3\xbc", 3);
	message_of_alert(&message, &alert, "lb-01", true, WALL_MS);
	mail = smtp_body(&message, &receiver, "");
	end = strstr(mail, "\r\n\r\n");
	for (const char *c = mail; c < end; c++)
		if ((unsigned char)*c >= 0x80)
			fail_msg("a byte of the header is not ASCII");
	assert_non_null(strstr(mail, "Subject: =?UTF-8?B?"));
	for (const char *line = mail; line < end; line = strchr(line, '\n') + 1)
		if (strchr(line, '\n') - line > 100)
			fail_msg("a line of the header is too long");
	free(mail);
}

static void what_is_not_text_does_not_break_a_body(void **state)
{
	struct alert alert = alert_of();
	struct alert_message message;
	char *body;

	(void)state;
	snprintf(alert.detail, sizeof(alert.detail), "a\r\nBcc: x@example.org\n.\n\xff\x01\x7f");
	message_of_alert(&message, &alert, "lb\r\n01", true, WALL_MS);
	body = smtp_body(&message, &receiver, "");
	assert_null(strstr(body, "\nBcc:"));
	free(body);
	body = webhook_body(&message, &receiver, "");
	assert_non_null(body);
	free(body);
}

static void keys_are_short_and_their_own(void **state)
{
	struct alert alert = alert_of();
	struct alert_message one, other;

	(void)state;
	memset(alert.server, 'x', sizeof(alert.server) - 1);
	message_of_alert(&one, &alert, "lb-01", true, WALL_MS);
	alert.server[sizeof(alert.server) - 2] = 'y';
	message_of_alert(&other, &alert, "lb-01", true, WALL_MS);
	assert_in_range(strlen(one.key), 100, 255);
	assert_string_not_equal(one.key, other.key);
}

static void answers_are_told_apart(void **state)
{
	static const struct {
		long status;
		const char *body;
		enum answer_class class;
		const char *sentence;
	} answers[] = {
		{200, "ok", ANSWER_TAKEN, "HTTP 200: ok"},
		{202, "{\"status\":\"success\",\"message\":\"Event processed\"}", ANSWER_TAKEN,
		 "HTTP 202: Event processed"},
		{400,
		 "{\"status\":\"invalid event\",\"message\":\"Event object is invalid\",\"errors\":[\"Length of "
		 "'routing_key' is incorrect\"]}",
		 ANSWER_REJECTED, "HTTP 400: Length of 'routing_key' is incorrect"},
		{400, "\"bad matcher\"", ANSWER_REJECTED, "HTTP 400: bad matcher"},
		{403, "invalid_token\nmore", ANSWER_LATER, "HTTP 403: invalid_token"},
		{429, "", ANSWER_LATER, "HTTP 429"},
		{503, "<html>\x01\xff", ANSWER_LATER, "HTTP 503: <html>\xef\xbf\xbd\xef\xbf\xbd"},
		{302, "", ANSWER_LATER, "HTTP 302: it is elsewhere, and redirects are not followed: correct the URL"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		char sentence[192];

		assert_int_equal(answer_read(answers[i].status, answers[i].body, strlen(answers[i].body), sentence,
					     sizeof(sentence)),
				 answers[i].class);
		assert_string_equal(sentence, answers[i].sentence);
	}
	assert_int_equal(answer_retry_after(" 30\r\n", 5), 30000);
	assert_int_equal(answer_retry_after("99999999999999999999", 20), 86400 * 1000);
	assert_int_equal(answer_retry_after("Wed, 21 Oct 2026 07:28:00 GMT", 29), 0);
	assert_int_equal(answer_retry_after("", 0), 0);
}

/* Each command of the table that is ours is one that the command line takes. */
static void next_commands_can_be_typed(void **state)
{
	(void)state;
	for (int kind = 0; kind < ALERT_KINDS_N; kind++)
		for (size_t i = 0; i < ALERT_NEXT && alert_rules[kind].next[i]; i++) {
			char text[160], *words[32], *rest = text;
			struct cli_request request;
			size_t n = 0;

			alert_next_text(alert_rules[kind].next[i], "web", "web-02", text, sizeof(text));
			assert_null(strchr(text, '{'));
			if (strncmp(text, "muster ", 7))
				continue;
			rest = text + 7;
			while (rest && n < ARRAY_SIZE(words)) {
				bool quoted = *rest == '"';

				words[n++] = strsep(&rest, quoted ? "" : " ");
				if (quoted) { /* the reason is the last word of each */
					words[n - 1]++;
					words[n - 1][strlen(words[n - 1]) - 1] = '\0';
				}
			}
			if (cli_parse(n, words, &request, stderr) < 0 || !request.command)
				fail_msg("%s says \"%s\", which the command line does not take", alert_rules[kind].name,
					 alert_rules[kind].next[i]);
		}
}

static void the_table_is_whole(void **state)
{
	_cleanup_(freep) char *page = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&page, &size);

	(void)state;
	alert_playbook(out);
	fclose(out);
	for (int kind = 0; kind < ALERT_KINDS_N; kind++) {
		const struct alert_rule *rule = &alert_rules[kind];
		char section[64];

		assert_int_equal(alert_kind_by_name(rule->name), kind);
		assert_true(strlen(rule->means) > 40 && rule->means[strlen(rule->means) - 1] == '.');
		assert_non_null(rule->next[0]);
		assert_true(strlen(rule->title) < sizeof(((struct alert_message *)0)->title));
		snprintf(section, sizeof(section), "\n.SH %s\n", rule->name);
		if (!strstr(page, section))
			fail_msg("muster-playbook(7) has no section %s", rule->name);
	}
	assert_null(strstr(page, "\n\n"));
	assert_int_equal(alert_kind_by_name("nothing"), -ENOENT);
}

static void journal_lines_raise_and_end(void **state)
{
	const struct alert_rule *spared = &alert_rules[ALERT_NOT_CARRIED];
	const struct alert_rule *packets = &alert_rules[ALERT_PACKETS_LOST];

	(void)state;
	assert_int_equal(alert_rule_match(spared, "rehearsal", "not carried"), 1);
	assert_int_equal(alert_rule_match(spared, "rehearsal", "carried"), -1);
	assert_int_equal(alert_rule_match(spared, "rehearsal", "out"), 0);
	assert_int_equal(alert_rule_match(spared, "order", "carried"), 0);
	assert_int_equal(alert_rule_match(packets, "packets", "not forwarded"), 1);
	assert_int_equal(alert_rule_match(packets, "packets", "not"), 0);
	assert_int_equal(alert_rule_match(&alert_rules[ALERT_SERVER_DOWN], "health", "down"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_the_fixtures),
		cmocka_unit_test(a_test_says_that_it_is_one),
		cmocka_unit_test(subjects_of_mails_are_ascii_on_the_wire),
		cmocka_unit_test(what_is_not_text_does_not_break_a_body),
		cmocka_unit_test(keys_are_short_and_their_own),
		cmocka_unit_test(answers_are_told_apart),
		cmocka_unit_test(next_commands_can_be_typed),
		cmocka_unit_test(the_table_is_whole),
		cmocka_unit_test(journal_lines_raise_and_end),
	};

	return cmocka_run_group_tests_name("alerts/receivers", tests, NULL, NULL);
}
