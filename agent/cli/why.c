// SPDX-License-Identifier: GPL-2.0-or-later
/* why: asked of the program by this process itself, so that it works whether an agent runs or not. */
#include "cli.h"

#include <netinet/in.h>

#include "../address.h"
#include "../report/why.h"

/* As the words of --flags. */
static const uint8_t tcp_flags[] = {WHY_SYN, WHY_ACK, WHY_FIN | WHY_ACK, WHY_RST};

static void fill(const struct cli_request *request, struct why_question *out)
{
	const char *pins = cli_option(request, "pins")->text;

	out->pins = pins ? pins : CLI_PINS;
	out->ifname = cli_option(request, "in")->text;
	out->packet.proto = cli_option(request, "proto")->number == 0 ? IPPROTO_TCP : IPPROTO_UDP;
	out->tcp_flags = tcp_flags[cli_option(request, "flags")->number];
	/* The parser has looked at both. */
	address_port_parse(cli_option(request, "from")->text, &out->packet.src, &out->packet.sport);
	address_port_parse(cli_option(request, "to")->text, &out->packet.dst, &out->packet.dport);
}

/* What the parser, which sees one value at a time, cannot say. */
static int check(const struct cli_request *request, const struct why_question *question)
{
	const char *from = cli_option(request, "from")->text, *to = cli_option(request, "to")->text;

	if (address_is_v4(&question->packet.src) != address_is_v4(&question->packet.dst)) {
		fprintf(stderr, "muster: no packet goes from '%s' to '%s': give two addresses of one family\n", from,
			to);
		return CLI_USAGE;
	}
	if (question->packet.proto == IPPROTO_UDP && cli_option(request, "flags")->given) {
		fprintf(stderr, "muster: --flags is for tcp: a UDP packet has none\n");
		return CLI_USAGE;
	}
	if (geteuid() != 0) {
		fprintf(stderr, "muster: asking the program why needs root: use sudo\n");
		return CLI_FAILED;
	}
	return CLI_DONE;
}

int run_why(struct session *session)
{
	const char *object = cli_option(&session->request, "object")->text;
	struct why_question question = {};
	char buf[PATH_MAX], text[512] = "";
	struct why why;
	json_t *document;
	int r;

	fill(&session->request, &question);
	r = check(&session->request, &question);
	if (r != CLI_DONE)
		return r;
	question.object = object ? object : cli_object(buf);
	r = why_ask(&question, &why, text, sizeof(text));
	if (r < 0) {
		fprintf(stderr, "muster: %s\n", *text ? text : strerror(-r));
		return r == -ENODEV ? CLI_NOT_FOUND : CLI_FAILED;
	}
	document = why_json(&why);
	if (session->json) {
		json_dumpf(document, session->look.out, JSON_COMPACT);
		fprintf(session->look.out, "\n");
	} else {
		render_why(&session->look, document);
	}
	json_decref(document);
	return CLI_DONE;
}
