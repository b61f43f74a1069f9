// SPDX-License-Identifier: GPL-2.0-or-later
/* The capacity gate before an order or a removal: who may go, with which warning, and who may not. */
#include <stdio.h>

#include "../gate.h"
#include "book.h"

static const char *wish_text(const struct order_request *request, bool removal, char *out, size_t size)
{
	if (removal)
		snprintf(out, size, "removed");
	else if (request->kind == ORDER_WEIGHT)
		snprintf(out, size, "given weight %u", request->weight);
	else
		snprintf(out, size, "%s", request->kind == ORDER_DRAIN ? "drained" : "taken into maintenance");
	return out;
}

bool book_gate(struct agent *agent, const struct order_request *request, struct server **server, size_t n, bool removal,
	       struct order_answer *answer)
{
	struct gate_change changes[ORDER_CHANGES];
	struct gate_reply reply;
	char sentence[640], wish[32];
	bool held_out = removal || request->kind != ORDER_WEIGHT;

	for (size_t i = 0; i < n; i++)
		changes[i] = (struct gate_change){
			.server = server[i],
			.weight = held_out ? 0 : request->weight,
			.for_ms = removal ? 0 : request->for_ms,
			.removed = removal,
		};
	gate_ask(agent, changes, n, &reply);
	gate_sentence(&reply, sentence, sizeof(sentence));
	if (request->dry_run) {
		bool passes = reply.allowed || (request->force && !reply.last);

		answer->result = passes ? ORDER_UNCHANGED : ORDER_REFUSED;
		snprintf(answer->message, sizeof(answer->message), "%s would be %s: %s", request->server,
			 wish_text(request, removal, wish, sizeof(wish)), sentence);
		return false;
	}
	if (!gate_passes(agent, &reply, request->force, request->owner)) {
		answer->result = ORDER_REFUSED;
		snprintf(answer->message, sizeof(answer->message), "%s%s", sentence,
			 reply.last ? "" : "; --force does it all the same");
		return false;
	}
	if (reply.word != GATE_YES)
		snprintf(answer->message, sizeof(answer->message), "; %s", sentence);
	return true;
}
