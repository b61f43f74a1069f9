// SPDX-License-Identifier: GPL-2.0-or-later
/* The bash completion: the table as shell, and a frame that walks it. */
#include "cli.h"

/* What bash proposes for a value. */
static void propose(FILE *out, enum value_type type, const char *const *words)
{
	switch (type) {
	case VALUE_SERVER:
		fprintf(out, "_muster_names servers");
		break;
	case VALUE_SERVICE:
		fprintf(out, "_muster_names services");
		break;
	case VALUE_INTERFACE:
		fprintf(out, "_muster_words \"$(ls /sys/class/net 2>/dev/null)\"");
		break;
	case VALUE_FILE:
		fprintf(out, "COMPREPLY=($(compgen -f -- \"$cur\"))");
		break;
	case VALUE_WORD:
		fprintf(out, "_muster_words '");
		for (size_t i = 0; words[i]; i++)
			fprintf(out, "%s%s", i ? " " : "", words[i]);
		fprintf(out, "'");
		break;
	case VALUE_DURATION:
		fprintf(out, "_muster_words '10m 30m 1h 4h 1d'");
		break;
	default:
		fprintf(out, ":");
	}
}

static void option_values(FILE *out, const struct cli_option *const *options, size_t n)
{
	for (size_t i = 0; i < n && options[i]; i++) {
		if (options[i]->type == VALUE_FLAG)
			continue;
		fprintf(out, "\t\t--%s", options[i]->name);
		if (options[i]->letter)
			fprintf(out, "|-%c", options[i]->letter);
		fprintf(out, ") ");
		propose(out, options[i]->type, options[i]->words);
		fprintf(out, "; return ;;\n");
	}
}

static void option_names(FILE *out, const struct cli_option *const *options, size_t n)
{
	for (size_t i = 0; i < n && options[i]; i++)
		if (!options[i]->hidden)
			fprintf(out, " --%s", options[i]->name);
}

/* The words that may follow `first` (NULL: at the start), each once. */
static void next_words(FILE *out, const char *first)
{
	const char *last = "";

	for (size_t i = 0; i < cli_n_commands; i++) {
		const struct cli_command *c = &cli_commands[i];
		const char *word = first ? c->words[1] : c->words[0];

		if ((first && strcmp(c->words[0], first) != 0) || !word || strcmp(word, last) == 0)
			continue;
		fprintf(out, " %s", word);
		last = word;
	}
}

static void command_case(FILE *out, const struct cli_command *c)
{
	size_t n_words = c->words[1] ? 2 : 1;

	fprintf(out, "\t'%s%s%s')\n", c->words[0], c->words[1] ? " " : "", c->words[1] ? c->words[1] : "");
	fprintf(out, "\t\tcase $prev in\n");
	option_values(out, c->options, CLI_OPTIONS);
	fprintf(out, "\t\tesac\n\t\toptions+='");
	option_names(out, c->options, CLI_OPTIONS);
	fprintf(out, "'\n\t\tcase $((n - %zu)) in\n", n_words);
	for (size_t i = 0; i < CLI_ARGUMENTS && c->arguments[i].metavar; i++) {
		fprintf(out, "\t\t%zu) ", i);
		if (c->arguments[i].type == VALUE_COMMAND) {
			fprintf(out, "_muster_words '");
			next_words(out, NULL);
			fprintf(out, "'");
		} else {
			propose(out, c->arguments[i].type, NULL);
		}
		fprintf(out, " ;;\n");
	}
	fprintf(out, "\t\tesac ;;\n");
}

static void second_words(FILE *out)
{
	const char *last = "";

	for (size_t i = 0; i < cli_n_commands; i++) {
		const struct cli_command *c = &cli_commands[i];

		if (!c->words[1] || strcmp(c->words[0], last) == 0)
			continue;
		last = c->words[0];
		fprintf(out, "\t%s) _muster_words '", last);
		next_words(out, last);
		fprintf(out, "' ;;\n");
	}
}

static const char frame[] = "# SPDX-License-Identifier: GPL-2.0-or-later\n"
			    "# Written by muster --completion from the table that the parser uses.\n"
			    "_muster_words()\n"
			    "{\n"
			    "\tCOMPREPLY+=($(compgen -W \"$1\" -- \"$cur\"))\n"
			    "}\n\n"
			    "_muster_names()\n"
			    "{\n"
			    "\tlocal what=$1\n"
			    "\tcase $what:$cur in servers:*/*) what=qualified ;; esac\n"
			    "\t_muster_words \"$(\"${COMP_WORDS[0]}\" --names \"$what\" 2>/dev/null)\"\n"
			    "}\n\n"
			    "_muster()\n"
			    "{\n"
			    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
			    "\tlocal command= n=0 skip= i word options=\n"
			    "\tCOMPREPLY=()\n"
			    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
			    "\t\tword=${COMP_WORDS[i]}\n"
			    "\t\tif [ -n \"$skip\" ]; then\n"
			    "\t\t\tskip=\n"
			    "\t\t\tcontinue\n"
			    "\t\tfi\n"
			    "\t\tcase \" $_muster_valued \" in *\" $word \"*) skip=1 ;; esac\n"
			    "\t\tcase $word in\n"
			    "\t\t-*) ;;\n"
			    "\t\t*)\n"
			    "\t\t\tcase \" $_muster_commands \" in\n"
			    "\t\t\t*\":$command${command:+ }$word:\"*) command+=${command:+ }$word ;;\n"
			    "\t\t\tesac\n"
			    "\t\t\tn=$((n + 1)) ;;\n"
			    "\t\tesac\n"
			    "\tdone\n";

/* Options that take a value, so that the walk skips it; and the commands and their first words, between colons. */
static void lists(FILE *out)
{
	fprintf(out, "_muster_valued='");
	for (size_t i = 0; i < cli_n_commands + 1; i++) {
		const struct cli_option *const *options = i < cli_n_commands ? cli_commands[i].options : cli_globals;

		for (size_t k = 0; (i == cli_n_commands || k < CLI_OPTIONS) && options[k]; k++) {
			if (options[k]->type == VALUE_FLAG)
				continue;
			fprintf(out, " --%s", options[k]->name);
			if (options[k]->letter)
				fprintf(out, " -%c", options[k]->letter);
		}
	}
	fprintf(out, "'\n_muster_commands='");
	for (size_t i = 0; i < cli_n_commands; i++) {
		fprintf(out, ":%s:", cli_commands[i].words[0]);
		if (cli_commands[i].words[1])
			fprintf(out, ":%s %s:", cli_commands[i].words[0], cli_commands[i].words[1]);
	}
	fprintf(out, "'\n\n");
}

void completion_script(FILE *out)
{
	const char *end = strstr(frame, "_muster_words()");

	fprintf(out, "%.*s", (int)(end - frame), frame);
	lists(out);
	fprintf(out, "%s\tcase $prev in\n", end);
	option_values(out, cli_globals, SIZE_MAX);
	fprintf(out, "\t\tesac\n\toptions='");
	option_names(out, cli_globals, SIZE_MAX);
	fprintf(out, "'\n\tcase $command in\n\t'') _muster_words '");
	next_words(out, NULL);
	fprintf(out, "' ;;\n");
	second_words(out);
	for (size_t i = 0; i < cli_n_commands; i++)
		command_case(out, &cli_commands[i]);
	fprintf(out, "\tesac\n\tcase $cur in\n\t-*) COMPREPLY=($(compgen -W \"$options\" -- \"$cur\")) ;;\n\tesac\n}\n"
		     "complete -F _muster muster\n");
}
