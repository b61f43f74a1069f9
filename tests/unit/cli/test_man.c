// SPDX-License-Identifier: GPL-2.0-or-later
/* Help, man page and completion, all made from the one table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "cli/cli.h"

static char *written(void (*write)(FILE *out))
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	write(stream);
	fclose(stream);
	return text;
}

/* Feeds the text to a shell command; returns what it printed. The status goes to *status. */
static char *piped(const char *text, const char *command, int *status)
{
	char name[] = "/tmp/muster-test-XXXXXX", line[512], *out = calloc(1, 65536);
	int fd = mkstemp(name);
	FILE *pipe;
	size_t n;

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	snprintf(line, sizeof(line), "f=%s; { %s; } 2>&1", name, command);
	pipe = popen(line, "r");
	n = fread(out, 1, 65535, pipe);
	out[n] = 0;
	*status = pclose(pipe);
	unlink(name);
	return out;
}

static bool installed(const char *program)
{
	char line[128];

	snprintf(line, sizeof(line), "command -v %s >/dev/null 2>&1", program);
	return system(line) == 0;
}

static void test_everything_is_said(void **state)
{
	char *help = written(help_overview), *man = written(man_page), *completion = written(completion_script);

	(void)state;
	for (size_t i = 0; i < cli_n_commands; i++) {
		const struct cli_command *c = &cli_commands[i];
		const char *last = c->words[1] ? c->words[1] : c->words[0];

		if (!strstr(help, c->help))
			fail_msg("help says nothing of %s %s", c->words[0], last);
		if (!strstr(man, last) || !strstr(completion, last))
			fail_msg("man page or completion lacks %s", last);
		for (size_t k = 0; k < CLI_OPTIONS && c->options[k]; k++)
			if (!strstr(man, c->options[k]->name) || !strstr(completion, c->options[k]->name))
				fail_msg("man page or completion lacks --%s", c->options[k]->name);
	}
	for (int i = 0; i <= 4; i++) {
		char line[32];

		snprintf(line, sizeof(line), "\n  %d  ", i);
		if (!strstr(help, line))
			fail_msg("help does not say what exit status %d means", i);
	}
	for (const char *line = help; *line; line += strcspn(line, "\n") + 1)
		if (strcspn(line, "\n") > 100)
			fail_msg("a line of help is too long: %.*s", (int)strcspn(line, "\n"), line);
	free(help);
	free(man);
	free(completion);
}

static void test_man_structure(void **state)
{
	static const char *const sections[] = {"NAME",     "SYNOPSIS",    "DESCRIPTION", "OPTIONS",
					       "COMMANDS", "STATES",      "VERDICTS",    "EXIT STATUS",
					       "FILES",    "ENVIRONMENT", "EXAMPLES",    "SEE ALSO"};
	char *man = written(man_page);

	(void)state;
	assert_non_null(strstr(man, ".TH MUSTER 8"));
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		char line[64];

		snprintf(line, sizeof(line), "\n.SH %s\n", sections[i]);
		if (!strstr(man, line))
			fail_msg("the man page has no section %s", sections[i]);
	}
	if (strstr(man, "\n\n"))
		fail_msg("an empty line in the man page renders as a gap");
	free(man);
}

static void test_man_renders(void **state)
{
	char *man, *out;
	int status;

	(void)state;
	if (!installed("groff") && !installed("mandoc")) {
		print_message("groff and mandoc are not installed: only the structure was looked at\n");
		skip();
	}
	man = written(man_page);
	out = piped(man, installed("groff") ? "groff -man -ww -z -Tutf8 $f" : "mandoc -Tlint -Werror $f", &status);
	if (status != 0 || *out)
		fail_msg("the man page renders with warnings: %s", out);
	free(out);
	free(man);
}

/* Walks the completion as bash does: words so far, the last one unfinished. */
static void completes(const char *script, const char *words, const char *want)
{
	char command[512], *out;
	int status;

	snprintf(command, sizeof(command),
		 "bash -c '. '$f'; COMP_WORDS=(muster %s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _muster; "
		 "echo ${COMPREPLY[*]}'",
		 words);
	out = piped(script, command, &status);
	out[strcspn(out, "\n")] = 0;
	if (status != 0 || strcmp(out, want) != 0)
		fail_msg("'muster %s' completes to '%s', not '%s'", words, out, want);
	free(out);
}

static void test_completion(void **state)
{
	char *script = written(completion_script);

	(void)state;
	completes(script, "re", "return recycle rehearse remove reload");
	completes(script, "show s", "services servers server stats");
	completes(script, "-j show fl", "flows");
	completes(script, "attach eth0 --mode n", "native");
	completes(script, "drain web-01 --r", "--reason");
	completes(script, "drain --for 1h web-01 --re", "--reason");
	completes(script, "why --proto u", "udp");
	completes(script, "why --fl", "--flags");
	completes(script, "--color a", "auto always");
	completes(script, "help dr", "drain");
	completes(script, "show verdicts --a", "--as --all");
	free(script);
}

/* Names are asked of muster itself; here a shell function answers for it, as `muster --names WHAT` would. */
static void test_completion_of_names(void **state)
{
	char *script = written(completion_script), *whole = NULL;
	size_t size;
	FILE *out = open_memstream(&whole, &size);

	(void)state;
	fprintf(out,
		"muster() { [ \"$1\" = --names ] && case $2 in servers) echo web-01 web-02 ;; services) echo web web6 "
		";; "
		"qualified) echo web/web-01 web/web-02 web6/web-01 ;; esac; }\n%s",
		script);
	fclose(out);
	completes(whole, "drain w", "web-01 web-02");
	completes(whole, "drain web/", "web/web-01 web/web-02");
	completes(whole, "show server web6/w", "web6/web-01");
	completes(whole, "show picks w", "web web6");
	completes(whole, "show flows --server web/web-02", "web/web-02");
	free(script);
	free(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_everything_is_said),
					   cmocka_unit_test(test_man_structure), cmocka_unit_test(test_man_renders),
					   cmocka_unit_test(test_completion),
					   cmocka_unit_test(test_completion_of_names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
