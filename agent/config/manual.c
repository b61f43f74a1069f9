// SPDX-License-Identifier: GPL-2.0-or-later
#include "schema.h"

/* Text for roff: a hyphen is a minus, and no line begins with a control character. */
static void put(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else if (*text == '\'')
			fputs("\\(aq", out);
		else
			fputc(*text, out);
	}
}

static void put_number_type(FILE *out, const struct schema_key *key)
{
	static const char *const words[] = {
		[VALUE_COUNT] = "number", [VALUE_MS] = "duration",     [VALUE_S] = "duration",
		[VALUE_BYTES] = "size",   [VALUE_PERCENT] = "percent", [VALUE_BINARY] = "number",
	};
	char text[VALUE_TEXT_SIZE];

	fprintf(out, "%s, ", words[key->unit]);
	put(out, value_format(key->min, key->unit, text));
	fputs(" to ", out);
	put(out, value_format(key->max, key->unit, text));
	if (key->zero_word)
		fprintf(out, ", or %s", key->zero_word);
}

static void put_type(FILE *out, const struct schema_key *key)
{
	switch (key->type) {
	case SCHEMA_NUMBER:
		put_number_type(out, key);
		break;
	case SCHEMA_CHOICE:
		for (const struct schema_choice *choice = key->choices; choice->name; choice++)
			fprintf(out, "%s%s", choice == key->choices ? "" : " | ", choice->name);
		break;
	case SCHEMA_STRING:
		fprintf(out, "text, at most %lld characters", (long long)key->max);
		break;
	case SCHEMA_NAME:
		fprintf(out, "name, at most %zu characters", key->width - 1);
		break;
	case SCHEMA_ADDRESS:
		fputs("IPv4 or IPv6 address", out);
		break;
	case SCHEMA_ADDRESSES:
		fprintf(out, "address, or list of at most %lld", (long long)key->max);
		break;
	case SCHEMA_STATUS:
		fprintf(out, "statuses, at most %lld ranges", (long long)key->max);
		break;
	case SCHEMA_SECTION:
		fputs("section, see below", out);
		break;
	case SCHEMA_LIST:
		fprintf(out, "list of at most %lld, see below", (long long)key->max);
		break;
	}
}

/* What each choice means, where the table says so. */
static void put_choices(FILE *out, const struct schema_choice *choices)
{
	if (!choices || !choices->help)
		return;
	fputs(".RS\n", out);
	for (const struct schema_choice *choice = choices; choice->name; choice++) {
		fputs(".TP\n.B ", out);
		put(out, choice->name);
		fputc('\n', out);
		put(out, choice->help);
		fputc('\n', out);
	}
	fputs(".RE\n", out);
}

static void put_key(FILE *out, const struct schema_key *key)
{
	fputs(".TP\n.B ", out);
	put(out, key->name);
	fputs("\n(", out);
	put_type(out, key);
	fputs(")\n", out);
	put(out, key->help);
	fputc('\n', out);
	if (key->required) {
		fputs("Required.\n", out);
	} else if (key->fallback || key->fallback_text) {
		fputs("Default: ", out);
		put(out, key->fallback ? key->fallback : key->fallback_text);
		fputs(".\n", out);
	}
	put_choices(out, key->choices);
}

static bool has_section(const struct schema_key *key)
{
	return key->type == SCHEMA_SECTION || key->type == SCHEMA_LIST;
}

/* A section's keys, then those of the sections in it. `path` is how it is reached, as "services[].check". */
static void put_section(FILE *out, const struct schema_section *section, const char *path)
{
	fputs(".SS ", out);
	put(out, path);
	fputc('\n', out);
	put(out, section->help);
	fputc('\n', out);
	for (const struct schema_key *key = section->keys; key->name && !section->inherits; key++)
		put_key(out, key);
	for (const struct schema_key *key = section->keys; key->name && !section->inherits; key++) {
		char below[128];

		if (!has_section(key))
			continue;
		snprintf(below, sizeof(below), "%s%s%s%s", section == &schema_file ? "" : path,
			 section == &schema_file ? "" : ".", key->name, key->type == SCHEMA_LIST ? "[]" : "");
		put_section(out, key->section, below);
	}
}

int config_manual(FILE *out)
{
	fputs(".\\\" Written by the program from the table that reads the file.\n"
	      ".TH MUSTERD.CONF 5 \"\" Muster \"File formats\"\n"
	      ".SH NAME\nmusterd.conf \\- configuration of the Muster agent\n"
	      ".SH DESCRIPTION\n"
	      "The file given to\n.BR musterd (8)\nwith\n.B \\-c\n"
	      "is one YAML document in UTF\\-8, at most 1 MiB, without anchors, aliases and tags.\n"
	      "Unknown keys are faults.\n"
	      "All faults are reported in one run, each as\n.IR file : line : column :\nwhat, and what to do;\n"
	      ".B musterd \\-t \\-c\n.I FILE\nchecks a file and does nothing else.\n.PP\n"
	      "A duration is whole numbers with d, h, m, s or ms, the largest first: 500ms, 2h4m.\n"
	      "A size is a whole number with KiB, MiB or GiB. A share is a whole number with %.\n"
	      "Names are letters, digits, \\(aq\\-\\(aq, \\(aq_\\(aq and \\(aq.\\(aq, the first not \\(aq\\-\\(aq.\n"
	      ".SH KEYS\n",
	      out);
	put_section(out, &schema_file, "The file");
	fputs(".SH SEE ALSO\n.BR muster (8),\n.BR musterd (8)\n", out);
	return fflush(out) || ferror(out) ? -EIO : 0;
}
