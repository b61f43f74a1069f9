// SPDX-License-Identifier: GPL-2.0-or-later
/* Command lines through the table: abbreviations, options, faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/parse.h"

static struct cli_request request;
static char *errors;

/* Parses a line split at blanks. */
static int parse(const char *line)
{
	static char copy[512];
	static char *argv[32];
	size_t n = 0, size;
	FILE *stream;
	int error;

	free(errors);
	errors = NULL;
	stream = open_memstream(&errors, &size);
	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[n++] = word;
	error = cli_parse(n, argv, &request, stream);
	fclose(stream);
	return error;
}

static void parses_as(const char *line, const char *first, const char *second)
{
	if (parse(line) != 0)
		fail_msg("'muster %s' is refused: %s", line, errors);
	if (!first) {
		if (request.command)
			fail_msg("'muster %s' became a command", line);
		return;
	}
	if (!request.command || strcmp(request.command->words[0], first) != 0 ||
	    strcmp(request.command->words[1] ? request.command->words[1] : "", second) != 0)
		fail_msg("'muster %s' is not %s %s", line, first, second);
}

static void fails_with(const char *line, const char *text)
{
	if (parse(line) == 0)
		fail_msg("'muster %s' is accepted", line);
	if (!strstr(errors, text))
		fail_msg("'muster %s' says '%s' and not '%s'", line, errors, text);
}

static void test_words(void **state)
{
	(void)state;
	parses_as("", NULL, NULL);
	parses_as("status", "status", "");
	parses_as("st", "status", "");
	parses_as("show services", "show", "services");
	parses_as("sh f", "show", "flows");
	parses_as("show server web-01", "show", "server");
	parses_as("ret web-01", "return", "");
	parses_as("rel", "reload", "");
	parses_as("ev -f", "events", "");
	fails_with("s", "'s' could be several words: status show");
	fails_with("re web", "could be several words: return recycle rehearse remove reload");
	fails_with("fly", "'fly' is not a command: status show drain maintenance return");
	fails_with("show fly",
		   "'fly' is not a command after show: services servers server flows picks verdicts stats events");
	fails_with("show serv", "could be several words after show: services servers server");
	fails_with("show", "show needs one more word: services");
	fails_with("status now", "'now' is too much after status");
	fails_with("return a b", "'b' is too much after return");
	fails_with("show server", "server needs SERVER");
}

static void test_options(void **state)
{
	(void)state;
	parses_as("drain web-02 --for 30m --reason test", "drain", "");
	assert_int_equal(cli_option(&request, "for")->number, 1800);
	assert_string_equal(cli_option(&request, "reason")->text, "test");
	assert_string_equal(request.arguments[0].text, "web-02");
	parses_as("-j dr --rea=a --socket=/x web-02 --color never", "drain", "");
	assert_int_equal(cli_option(&request, "for")->number, 3600);
	assert_false(cli_option(&request, "for")->given);
	assert_true(cli_option(&request, "json")->given);
	assert_string_equal(cli_option(&request, "socket")->text, "/x");
	assert_int_equal(cli_option(&request, "color")->number, 2);
	parses_as("events -jfn5", "events", "");
	assert_true(cli_option(&request, "follow")->given && cli_option(&request, "json")->given);
	assert_int_equal(cli_option(&request, "most")->number, 5);
	parses_as("weight web-01 0 --reason x", "weight", "");
	assert_int_equal(request.arguments[1].number, 0);
	parses_as("add web-03 --service web --address fd00::3", "add", "");
	assert_int_equal(cli_option(&request, "weight")->number, 1);
	parses_as("why --from 192.0.2.10:5000 --to 192.0.2.100:80", "why", "");
	assert_int_equal(cli_option(&request, "proto")->number, 0);
	assert_int_equal(cli_option(&request, "flags")->number, 0);
	parses_as("why --fr [fd00::1]:5000 --to [fd00::2]:80 --proto udp --in eth0 --pins /x --object /y", "why", "");
	assert_int_equal(cli_option(&request, "proto")->number, 1);
	assert_string_equal(cli_option(&request, "in")->text, "eth0");
	parses_as("show server -- -odd", "show", "server");
	assert_string_equal(request.arguments[0].text, "-odd");
	parses_as("drain --help", "drain", "");
	parses_as("help show server", "help", "");
	assert_int_equal(request.n_rest, 2);
}

static void test_option_faults(void **state)
{
	(void)state;
	fails_with("drain web-02", "drain needs --reason TEXT");
	fails_with("drain web-02 --for 5x --reason y", "--for: '5x' is not a duration: give a number and its unit");
	fails_with("weight web-02 heavy --reason y", "N: 'heavy' is not a weight");
	fails_with("add a --service web --address 10.0.0", "--address: '10.0.0' is not an address");
	fails_with("add a", "add needs --address ADDRESS");
	fails_with("why --to 10.0.0.1:80", "why needs --from ADDRESS:PORT");
	fails_with("why --from 10.0.0.1", "--from: '10.0.0.1' is not an address with a port: give 10.0.0.1:80");
	fails_with("why --flags urg", "--flags: 'urg' is not known here: give one of syn, ack, fin, rst");
	fails_with("drain web-02 --reason", "--reason needs a value");
	fails_with("drain web-02 --reason= --for 1h", "--reason: '' is empty");
	fails_with("status --for 1h", "'--for' is not an option here: --offline --state --pins --json --color");
	fails_with("--so", "--socket needs a value: --socket PATH");
	fails_with("attach eth0 --mode fast", "'fast' is not known here: give one of auto, native, generic");
	fails_with("status -x", "'-x' is not an option here");
	fails_with("--json=yes", "--json takes no value");
	fails_with("--color sometimes", "give one of auto, always, never");
	fails_with("add a --a x", "'--a' could be several options: --address --as");
}

/* The table itself: what the code relies on. */
static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < cli_n_commands; i++) {
		const struct cli_command *c = &cli_commands[i];

		if (!c->run || !c->help || !c->words[0])
			fail_msg("command %zu has no function, help or word", i);
		if (c->help[strlen(c->help) - 1] == '.')
			fail_msg("%s: help lines have no period", c->words[0]);
		for (size_t k = i + 1; k < cli_n_commands; k++)
			if (strcmp(c->words[0], cli_commands[k].words[0]) == 0 &&
			    (!c->words[1] || strcmp(c->words[1], cli_commands[k].words[1]) == 0))
				fail_msg("%s is in the table twice, or both a command and a beginning", c->words[0]);
		for (size_t k = 0; k < CLI_OPTIONS && c->options[k]; k++)
			for (size_t g = 0; cli_globals[g]; g++)
				if (strcmp(c->options[k]->name, cli_globals[g]->name) == 0 ||
				    (c->options[k]->letter && c->options[k]->letter == cli_globals[g]->letter))
					fail_msg("%s: --%s hides a global option", c->words[0], c->options[k]->name);
	}
	for (size_t g = 0; cli_globals[g]; g++)
		assert_true(g < CLI_GLOBALS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words), cmocka_unit_test(test_options),
					   cmocka_unit_test(test_option_faults), cmocka_unit_test(test_table)};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(errors);
	return failed;
}
