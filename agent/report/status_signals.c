// SPDX-License-Identifier: GPL-2.0-or-later
/* What the packets say of the servers, as JSON. */
#include "status.h"

#include <netinet/in.h>

/* In the other modes, and for UDP, answers do not pass the program. */
static bool seen(const struct service_conf *conf)
{
	return conf->proto == IPPROTO_TCP && (conf->mode == MUSTER_MODE_FULLNAT || conf->mode == MUSTER_MODE_NAT);
}

static json_t *handshake_json(const struct muster_signals *counted, unsigned pct)
{
	uint32_t us = signals_handshake_us(counted, pct);

	return us ? json_integer(us) : json_null();
}

static json_t *responses_json(const struct muster_signals *counted)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "1xx", (json_int_t)counted->status[1], "2xx",
			 (json_int_t)counted->status[2], "3xx", (json_int_t)counted->status[3], "4xx",
			 (json_int_t)counted->status[4], "5xx", (json_int_t)counted->status[5], "other",
			 (json_int_t)counted->status[0], "client_errors", (json_int_t)counted->errors);
}

static json_t *counted_json(const struct muster_signals *counted, bool observe)
{
	json_t *out = json_pack("{s:I, s:I, s:I, s:I}", "answered", (json_int_t)counted->answered, "refused",
				(json_int_t)counted->refused, "syns_repeated", (json_int_t)counted->repeated, "resets",
				(json_int_t)counted->resets);

	json_object_set_new(out, "handshake_p50_us", handshake_json(counted, 50));
	json_object_set_new(out, "handshake_p99_us", handshake_json(counted, 99));
	json_object_set_new(out, "responses", observe ? responses_json(counted) : json_null());
	return out;
}

json_t *status_signals_json(const struct server *server)
{
	const struct signals *signals = &server->run.signals;
	json_t *out;

	if (!seen(server->service->conf))
		return json_null();
	out = counted_json(&server->run.counted, server->service->conf->observe);
	json_object_set_new(out, "refusal", json_string(signals_refusal_name(signals->refusal)));
	json_object_set_new(out, "errs", json_boolean(signals->erring));
	return out;
}

json_t *status_all_signals_json(const struct model *model)
{
	struct muster_signals sum = {0};
	bool observe = false;

	for (size_t i = 0; i < model->n_services; i++) {
		const struct service *service = &model->services[i];

		observe |= service->conf->observe;
		for (size_t k = 0; seen(service->conf) && k < service->n_servers; k++) {
			const uint64_t *one = (const uint64_t *)&service->servers[k].run.counted;

			for (size_t word = 0; word < sizeof(sum) / sizeof(*one); word++)
				((uint64_t *)&sum)[word] += one[word];
		}
	}
	return counted_json(&sum, observe);
}
