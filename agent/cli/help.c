// SPDX-License-Identifier: GPL-2.0-or-later
/* Help, from the table. */
#include "cli.h"

void help_synopsis(FILE *out, const struct cli_command *command)
{
	fprintf(out, "%s%s%s", command->words[0], command->words[1] ? " " : "",
		command->words[1] ? command->words[1] : "");
	for (size_t i = 0; i < CLI_ARGUMENTS && command->arguments[i].metavar; i++)
		fprintf(out, command->arguments[i].optional ? " [%s]" : " %s", command->arguments[i].metavar);
	for (int required = 1; required >= 0; required--) {
		for (size_t i = 0; i < CLI_OPTIONS && command->options[i]; i++) {
			const struct cli_option *o = command->options[i];

			if (o->required != required)
				continue;
			fprintf(out, required ? " --%s" : " [--%s", o->name);
			if (o->metavar)
				fprintf(out, " %s", o->metavar);
			fprintf(out, "%s", required ? "" : "]");
		}
	}
}

/* "--for DURATION", "-f, --follow" */
static void print_option(FILE *out, const struct cli_option *option)
{
	char text[64];

	snprintf(text, sizeof(text), "%c%c%s--%s%s%s", option->letter ? '-' : ' ',
		 option->letter ? option->letter : ' ', option->letter ? ", " : "  ", option->name,
		 option->metavar ? " " : "", option->metavar ? option->metavar : "");
	fprintf(out, "  %-22s %s", text, option->help);
	if (option->preset)
		fprintf(out, " (%s)", option->preset);
	fprintf(out, "%s\n", option->required ? " (required)" : "");
}

static void print_exits(FILE *out)
{
	fprintf(out, "exit status:\n");
#define X(NAME, number, text) fprintf(out, "  %d  %s\n", number, text);
	CLI_EXITS(X)
#undef X
}

void help_overview(FILE *out)
{
	fprintf(out, "muster: see and steer the servers behind this load balancer\n\n"
		     "usage: muster [OPTION]... [COMMAND [ARGUMENT]...]\n\ncommands:\n");
	for (size_t i = 0; i < cli_n_commands; i++) {
		const struct cli_command *command = &cli_commands[i];
		char words[64] = "";
		size_t used;

		used = (size_t)snprintf(words, sizeof(words), "%s%s%s", command->words[0], command->words[1] ? " " : "",
					command->words[1] ? command->words[1] : "");
		for (size_t k = 0; k < CLI_ARGUMENTS && command->arguments[k].metavar; k++)
			used += (size_t)snprintf(words + used, sizeof(words) - used,
						 command->arguments[k].optional ? " [%s]" : " %s",
						 command->arguments[k].metavar);
		fprintf(out, "  %-20s %s\n", words, command->help);
	}
	fprintf(out, "\noptions:\n");
	for (size_t i = 0; cli_globals[i]; i++)
		if (!cli_globals[i]->hidden)
			print_option(out, cli_globals[i]);
	fprintf(out,
		"\nWords and names may be shortened while they stay unambiguous; SERVICE/SERVER means a server in one\n"
		"service only. More on one command: muster help COMMAND\n\n");
	print_exits(out);
}

void help_command(FILE *out, const struct cli_command *command)
{
	fprintf(out, "usage: muster ");
	help_synopsis(out, command);
	fprintf(out, "\n  %s\n", command->help);
	if (command->detail)
		fprintf(out, "  %s\n", command->detail);
	for (size_t i = 0; i < CLI_OPTIONS && command->options[i]; i++)
		print_option(out, command->options[i]);
}

int run_help(struct session *session)
{
	const struct cli_command *found[32];
	size_t n;

	if (session->request.n_rest == 0) {
		help_overview(session->look.out);
		return CLI_DONE;
	}
	n = cli_commands_of(session->request.rest, session->request.n_rest, found, ARRAY_SIZE(found), stderr);
	for (size_t i = 0; i < n; i++)
		help_command(session->look.out, found[i]);
	return n ? CLI_DONE : CLI_USAGE;
}

int run_version(struct session *session)
{
	if (session->json)
		fprintf(session->look.out, "{\"schema\":1,\"version\":\"%s\"}\n", MUSTER_VERSION);
	else
		fprintf(session->look.out, "muster %s\n", MUSTER_VERSION);
	return CLI_DONE;
}
