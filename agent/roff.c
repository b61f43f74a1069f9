// SPDX-License-Identifier: GPL-2.0-or-later
#include "roff.h"

void roff(FILE *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		fprintf(out, "\\&");
	for (; *text; text++) {
		if (*text == '-')
			fprintf(out, "\\-");
		else if (*text == '\\')
			fprintf(out, "\\e");
		else if (*text == '"')
			fprintf(out, "\\(dq");
		else
			fputc(*text, out);
	}
}
