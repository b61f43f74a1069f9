// SPDX-License-Identifier: GPL-2.0-or-later
/* The man page muster(8): the table's words, framed. */
#include "cli.h"

#include <muster/verdict.h>

#include "../policy/pool.h"
#include "../roff.h"

static void tag(FILE *out, const char *word, const char *text)
{
	fprintf(out, ".TP\n.B ");
	roff(out, word);
	fprintf(out, "\n");
	roff(out, text);
	fprintf(out, "\n");
}

static void option(FILE *out, const struct cli_option *o)
{
	fprintf(out, ".TP\n");
	if (o->letter)
		fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
	fprintf(out, "\\fB\\-\\-%s\\fR", o->name);
	if (o->metavar)
		fprintf(out, " \\fI%s\\fR", o->metavar);
	fprintf(out, "\n");
	roff(out, o->help);
	if (o->preset)
		fprintf(out, " (default %s)", o->preset);
	fprintf(out, "%s.\n", o->required ? " (required)" : "");
}

static void synopsis(FILE *out, const struct cli_command *command)
{
	_cleanup_(freep) char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return;
	help_synopsis(stream, command);
	fclose(stream);
	fprintf(out, ".SS ");
	roff(out, text);
	fprintf(out, "\n");
}

static void command(FILE *out, const struct cli_command *c)
{
	synopsis(out, c);
	fprintf(out, "%c", c->help[0] >= 'a' && c->help[0] <= 'z' ? c->help[0] - 'a' + 'A' : c->help[0]);
	roff(out, c->help + 1);
	fprintf(out, ".\n");
	if (c->detail) {
		roff(out, c->detail);
		fprintf(out, "\n");
	}
	for (size_t i = 0; i < CLI_OPTIONS && c->options[i]; i++)
		option(out, c->options[i]);
}

static void section(FILE *out, const char *title, const char *text)
{
	fprintf(out, ".SH %s\n", title);
	if (text) {
		roff(out, text);
		fprintf(out, "\n");
	}
}

static void words(FILE *out)
{
	section(out, "STATES",
		"A server's state is the word of its health check (unknown, up, slow, down), or draining "
		"and drained under a drain. What its weight follows from:");
#define X(NAME, name, text) tag(out, #name, text);
	POOL_CAUSES(X)
#undef X
	section(out, "VERDICTS", "Every packet leaves the program by one of these, counted in \"muster show stats\":");
#define X(NAME, name, ACTION, text) tag(out, #name, text);
	MUSTER_VERDICTS(X)
#undef X
}

static void surroundings(FILE *out)
{
	section(out, "EXIT STATUS", NULL);
#define X(NAME, number, text) tag(out, #number, text);
	CLI_EXITS(X)
#undef X
	section(out, "ENVIRONMENT", NULL);
	tag(out, "MUSTER_SOCKET", "The agent's socket, where --socket is not given.");
	tag(out, "NO_COLOR", "Not empty: no colours, unless --color=always.");
	tag(out, "COLUMNS", "The width to keep to. Without it: the terminal's; no limit where there is none.");
	tag(out, "SUDO_USER", "Shown as a claim beside the user id, where --as is not given.");
	section(out, "FILES", NULL);
	tag(out, CLI_SOCKET, "The agent's control socket. Root and the group muster may use it.");
	tag(out, CLI_PINS, "The pinned maps, readable with bpftool.");
	section(out, "EXAMPLES", NULL);
	tag(out, "muster drain web-02 --for 30m --reason \"kernel update\"",
	    "web-02 gets no new connections for half an hour, then returns if it is healthy.");
	tag(out, "muster ret web-02", "Ends that early.");
	tag(out, "muster -j | jq '.attention[]'", "What is wrong, for a script.");
	section(out, "SEE ALSO", NULL);
	fprintf(out, ".BR muster\\-playbook (7),\n.BR musterd.conf (5),\n.BR bpftool (8),\n.BR ip\\-link (8)\n");
}

void man_page(FILE *out)
{
	fprintf(out,
		".\\\" Written by muster \\-\\-man from the table that the parser uses.\n"
		".TH MUSTER 8 \"\" \"muster %s\" \"Muster\"\n"
		".SH NAME\nmuster \\- see and steer the servers behind this load balancer\n"
		".SH SYNOPSIS\n.B muster\n[\\fIOPTION\\fR]... [\\fICOMMAND\\fR [\\fIARGUMENT\\fR]...]\n",
		MUSTER_VERSION);
	section(out, "DESCRIPTION",
		"Asks and orders the agent musterd over its socket. Without a command it shows the status: each "
		"service "
		"with its servers, their state and its cause, weight declared and in effect, memory, live connections, "
		"rates, the share of new connections against the weight's share, and a sentence for everything that is "
		"wrong.");
	fprintf(out, ".PP\n");
	roff(out, "Words of commands, options and names of servers may be shortened while they stay unambiguous. "
		  "SERVICE/SERVER means a server in that service only; the name alone means it in every service that "
		  "has it. What has been said already is no error when said again.");
	fprintf(out, "\n.PP\n");
	roff(out,
	     "What an operator orders is a lease: it has an owner (the user id that the kernel names), a reason and "
	     "an end. Another owner's order is not undone without --force. That stops accidents, not root.");
	fprintf(out, "\n");
	section(out, "OPTIONS", NULL);
	for (size_t i = 0; cli_globals[i]; i++)
		option(out, cli_globals[i]);
	section(out, "COMMANDS", NULL);
	for (size_t i = 0; i < cli_n_commands; i++)
		command(out, &cli_commands[i]);
	words(out);
	surroundings(out);
}
