// SPDX-License-Identifier: GPL-2.0-or-later
/* The manual page muster-playbook(7): the table of alerts, framed. */
#include <stdio.h>

#include "../roff.h"
#include "rules.h"

static void command(FILE *out, const char *pattern)
{
	char text[160];

	alert_next_text(pattern, "SERVICE", "NAME", text, sizeof(text));
	roff(out, text);
	fputc('\n', out);
}

static void put_rule(FILE *out, const struct alert_rule *rule)
{
	fprintf(out, ".SH %s\n.B ", rule->name);
	roff(out, alert_severity_name(rule->severity));
	fprintf(out, ":\n.I NAME\n");
	roff(out, rule->title);
	fprintf(out, ".\n.PP\n");
	roff(out, rule->means);
	fprintf(out, "\n.PP\nNext:\n.PP\n.RS\n.nf\n");
	for (size_t i = 0; i < ALERT_NEXT && rule->next[i]; i++)
		command(out, rule->next[i]);
	fprintf(out, ".fi\n.RE\n.PP\nIt ends when ");
	roff(out, rule->ends);
	fprintf(out, ".\n");
}

void alert_playbook(FILE *out)
{
	fprintf(out,
		".\\\" Written by muster \\-\\-playbook from the table that raises the alerts.\n"
		".TH MUSTER\\-PLAYBOOK 7 \"\" \"muster %s\" \"Muster\"\n"
		".SH NAME\nmuster\\-playbook \\- what each alert means, and what to type\n"
		".SH DESCRIPTION\n",
		MUSTER_VERSION);
	roff(out,
	     "musterd raises an alert by one of the names below, tells the receivers of its configuration, tells them "
	     "again and the next ones too until somebody acknowledges it (muster ack NUMBER), and says when it is "
	     "over. "
	     "\"muster alerts\" lists those that are open. An acknowledgement is a lease: it ends by itself, and an "
	     "alert "
	     "that is still open is then told again. NAME stands for the alert's server, interface, folder or file, "
	     "SERVICE for its service.");
	fprintf(out, "\n");
	for (int i = 0; i < ALERT_KINDS_N; i++)
		put_rule(out, &alert_rules[i]);
	fprintf(out, ".SH SEE ALSO\n.BR muster (8),\n.BR musterd.conf (5)\n");
}
