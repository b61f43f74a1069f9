// SPDX-License-Identifier: GPL-2.0-or-later
#include "parse.h"

#include "value.h"

/* A parse under way. */
struct parsing {
	struct cli_request *request;
	FILE *errors;
	const char *words[CLI_WORDS]; /* full words of the command so far */
	size_t n_words;
	size_t n_arguments;
};

static bool has_prefix(const char *word, const char *typed)
{
	return strncmp(word, typed, strlen(typed)) == 0;
}

/* Whether the command begins with the words taken so far. */
static bool on_path(const struct cli_command *command, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!command->words[i] || strcmp(command->words[i], words[i]) != 0)
			return false;
	return true;
}

/* The different words that may come next, in table order. */
static size_t next_words(const char *const *words, size_t n, const char **out, size_t size)
{
	size_t count = 0;

	if (n == CLI_WORDS)
		return 0;
	for (size_t i = 0; i < cli_n_commands; i++) {
		const char *word = on_path(&cli_commands[i], words, n) ? cli_commands[i].words[n] : NULL;
		bool seen = !word;

		for (size_t k = 0; k < count && !seen; k++)
			seen = strcmp(out[k], word) == 0;
		if (!seen && count < size)
			out[count++] = word;
	}
	return count;
}

/* Turns a typed word into the table's; says which there are when it is none or several of them. */
static const char *take_word(const char *const *words, size_t n, const char *typed, FILE *errors)
{
	const char *next[32], *found = NULL;
	size_t count = next_words(words, n, next, ARRAY_SIZE(next)), fits = 0;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(next[i], typed) == 0)
			return next[i];
		if (*typed && has_prefix(next[i], typed)) {
			found = next[i];
			fits++;
		}
	}
	if (fits == 1)
		return found;
	fprintf(errors, "muster: '%s' %s%s%s:", typed, fits ? "could be several words" : "is not a command",
		n ? " after " : "", n ? words[0] : "");
	for (size_t i = 0; i < count; i++)
		if (!fits || has_prefix(next[i], typed))
			fprintf(errors, " %s", next[i]);
	fprintf(errors, "\n");
	return NULL;
}

static const struct cli_command *whole_command(const char *const *words, size_t n)
{
	for (size_t i = 0; i < cli_n_commands; i++)
		if (on_path(&cli_commands[i], words, n) && (n == CLI_WORDS || !cli_commands[i].words[n]))
			return &cli_commands[i];
	return NULL;
}

static int check(struct parsing *p, const char *what, enum value_type type, const char *const *words, const char *text,
		 struct cli_value *out)
{
	char why[256];

	if (value_parse(type, words, text, &out->number, why, sizeof(why)) < 0) {
		fprintf(p->errors, "muster: %s: '%s' %s\n", what, text, why);
		return -EINVAL;
	}
	out->text = text;
	out->given = true;
	return 0;
}

static void complain_argument(struct parsing *p, const char *typed)
{
	const struct cli_command *command = p->request->command;

	fprintf(p->errors, "muster: '%s' is too much after %s%s%s; see: muster help %s\n", typed, command->words[0],
		command->words[1] ? " " : "", command->words[1] ? command->words[1] : "", command->words[0]);
}

static int take_plain(struct parsing *p, char **argv, size_t n)
{
	struct cli_request *request = p->request;
	const struct cli_argument *argument;

	if (!request->command) {
		const char *word = take_word(p->words, p->n_words, argv[0], p->errors);

		if (!word)
			return -EINVAL;
		p->words[p->n_words++] = word;
		request->command = whole_command(p->words, p->n_words);
		return 1;
	}
	argument = &request->command->arguments[p->n_arguments];
	if (p->n_arguments == CLI_ARGUMENTS || !argument->metavar) {
		complain_argument(p, argv[0]);
		return -EINVAL;
	}
	if (argument->repeated) {
		request->rest = argv;
		while (request->n_rest < n && argv[request->n_rest][0] != '-')
			request->n_rest++;
		p->n_arguments++;
		return (int)request->n_rest;
	}
	if (check(p, argument->metavar, argument->type, NULL, argv[0], &request->arguments[p->n_arguments]) < 0)
		return -EINVAL;
	p->n_arguments++;
	return 1;
}

/* The command's options first, then the global ones, one numbering; NULL behind the last. */
static const struct cli_option *nth_option(const struct cli_request *request, size_t i, struct cli_value **value)
{
	struct cli_request *r = (struct cli_request *)request;
	size_t own = 0;

	while (r->command && own < CLI_OPTIONS && r->command->options[own])
		own++;
	if (i < own) {
		*value = &r->options[i];
		return r->command->options[i];
	}
	*value = &r->globals[MIN(i - own, (size_t)CLI_GLOBALS - 1)];
	return cli_globals[i - own];
}

static void list_options(struct parsing *p, const char *prefix)
{
	const struct cli_option *option;
	struct cli_value *value;

	for (size_t i = 0; (option = nth_option(p->request, i, &value)); i++)
		if (!option->hidden && has_prefix(option->name, prefix))
			fprintf(p->errors, " --%s", option->name);
	fprintf(p->errors, "\n");
}

static const struct cli_option *find_long(struct parsing *p, const char *name, struct cli_value **value)
{
	const struct cli_option *option, *found = NULL;
	struct cli_value *at;
	size_t fits = 0;

	for (size_t i = 0; (option = nth_option(p->request, i, &at)); i++) {
		if (strcmp(option->name, name) == 0) {
			*value = at;
			return option;
		}
		if (!option->hidden && *name && has_prefix(option->name, name)) {
			found = option;
			*value = at;
			fits++;
		}
	}
	if (fits == 1)
		return found;
	fprintf(p->errors, "muster: '--%s' %s:", name, fits ? "could be several options" : "is not an option here");
	list_options(p, fits ? name : "");
	return NULL;
}

static const struct cli_option *find_letter(struct parsing *p, char letter, struct cli_value **value)
{
	const struct cli_option *option;

	for (size_t i = 0; (option = nth_option(p->request, i, value)); i++)
		if (option->letter == letter)
			return option;
	fprintf(p->errors, "muster: '-%c' is not an option here:", letter);
	list_options(p, "");
	return NULL;
}

static int take_value(struct parsing *p, const struct cli_option *option, struct cli_value *value, const char *attached,
		      char **argv, size_t n)
{
	char what[64];

	snprintf(what, sizeof(what), "--%s", option->name);
	if (option->type == VALUE_FLAG) {
		if (attached) {
			fprintf(p->errors, "muster: %s takes no value, '%s' was given\n", what, attached);
			return -EINVAL;
		}
		value->given = true;
		return 1;
	}
	if (!attached && n < 2) {
		fprintf(p->errors, "muster: %s needs a value: %s %s\n", what, what, option->metavar);
		return -EINVAL;
	}
	if (check(p, what, option->type, option->words, attached ? attached : argv[1], value) < 0)
		return -EINVAL;
	return attached ? 1 : 2;
}

static int take_option(struct parsing *p, char **argv, size_t n)
{
	const struct cli_option *option;
	struct cli_value *value = NULL;
	char name[64];
	const char *equals;

	if (argv[0][1] == '-') {
		equals = strchr(argv[0], '=');
		snprintf(name, sizeof(name), "%.*s", (int)(equals ? equals - argv[0] - 2 : (long)strlen(argv[0] + 2)),
			 argv[0] + 2);
		option = find_long(p, name, &value);
		return option ? take_value(p, option, value, equals ? equals + 1 : NULL, argv, n) : -EINVAL;
	}
	for (const char *c = argv[0] + 1; *c; c++) {
		int taken;

		option = find_letter(p, *c, &value);
		if (!option)
			return -EINVAL;
		if (option->type != VALUE_FLAG)
			return take_value(p, option, value, c[1] ? c + 1 : NULL, argv, n);
		taken = take_value(p, option, value, NULL, argv, n);
		if (taken < 0)
			return taken;
	}
	return 1;
}

const struct cli_value *cli_option(const struct cli_request *request, const char *name)
{
	static const struct cli_value none;
	const struct cli_option *option;
	struct cli_value *value;

	for (size_t i = 0; (option = nth_option(request, i, &value)); i++)
		if (strcmp(option->name, name) == 0)
			return value;
	return &none;
}

/* Presets for what was not typed, and what had to be typed. */
static int complete(struct parsing *p)
{
	struct cli_request *request = p->request;
	const struct cli_option *option;
	struct cli_value *value;
	int error = 0;

	if (cli_option(request, "help")->given)
		return 0;
	if (!request->command && p->n_words) {
		const char *next[32];
		size_t count = next_words(p->words, p->n_words, next, ARRAY_SIZE(next));

		fprintf(p->errors, "muster: %s needs one more word:", p->words[0]);
		for (size_t i = 0; i < count; i++)
			fprintf(p->errors, " %s", next[i]);
		fprintf(p->errors, "\n");
		return -EINVAL;
	}
	for (size_t i = p->n_arguments; request->command && i < CLI_ARGUMENTS; i++) {
		const struct cli_argument *argument = &request->command->arguments[i];

		if (argument->metavar && !argument->optional) {
			fprintf(p->errors, "muster: %s needs %s; see: muster help %s\n", p->words[p->n_words - 1],
				argument->metavar, p->words[0]);
			error = -EINVAL;
		}
	}
	for (size_t i = 0; (option = nth_option(request, i, &value)); i++) {
		if (option->required && !value->given) {
			fprintf(p->errors, "muster: %s needs --%s %s: %s\n", p->words[0], option->name, option->metavar,
				option->help);
			error = -EINVAL;
		}
		if (option->preset && !value->given) {
			char why[256];

			value->text = option->preset;
			value_parse(option->type, option->words, option->preset, &value->number, why, sizeof(why));
		}
	}
	return error;
}

int cli_parse(size_t n, char **argv, struct cli_request *out, FILE *errors)
{
	struct parsing p = {.request = out, .errors = errors};
	bool plain = false; /* after "--" */

	*out = (struct cli_request){};
	for (size_t i = 0; i < n;) {
		int taken;

		if (!plain && strcmp(argv[i], "--") == 0) {
			plain = true;
			i++;
			continue;
		}
		taken = !plain && argv[i][0] == '-' && argv[i][1] ? take_option(&p, argv + i, n - i)
								  : take_plain(&p, argv + i, n - i);
		if (taken < 0)
			return taken;
		i += (size_t)taken;
	}
	return complete(&p);
}

size_t cli_commands_of(char *const *typed, size_t n, const struct cli_command **out, size_t size, FILE *errors)
{
	const char *words[CLI_WORDS] = {};
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if (i == CLI_WORDS || whole_command(words, i)) {
			fprintf(errors, "muster: '%s' is too much: there is no such command\n", typed[i]);
			return 0;
		}
		words[i] = take_word(words, i, typed[i], errors);
		if (!words[i])
			return 0;
	}
	for (size_t i = 0; i < cli_n_commands && count < size; i++)
		if (on_path(&cli_commands[i], words, n))
			out[count++] = &cli_commands[i];
	return count;
}
