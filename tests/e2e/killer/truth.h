/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must be true: of the disk after a death, of musterd and the kernel when it is back. */
#ifndef KILLER_TRUTH_H
#define KILLER_TRUTH_H

#include "lives.h"

static void look_at_turns(const char *when)
{
	for (int i = 0; i < SERVERS; i++) {
		unsigned long long flows = turns_since(&out[i], server_name[i]);

		if (flows)
			fault("%s: %s was out, and got %llu new flows", when, server_name[i], flows);
		out[i].flows += flows;
	}
}

/* Who is out from now on by what was answered. */
static void count_from_now(void)
{
	for (int i = 0; i < SERVERS; i++) {
		int record;

		if (out[i].counted || !promised_out(&promised, i))
			continue;
		record = turns_record(server_name[i]);
		if (record >= 0)
			out[i] = (struct out){true, (unsigned)record, turns_of((unsigned)record), now_ms()};
	}
}

/* Of a dead agent: the files are whole, and hold what was promised, with what was asked last or without. */
static void look_at_disk(void)
{
	static const char *const files[] = {"state.json", "configs.json", "alerts.json", "history.json"};
	struct journal_check newest = {0};
	struct promises disk, with = promised;
	json_t *document[4];
	bool whole;

	look_at_turns("after a kill");
	for (int i = 0; i < 4; i++) {
		document[i] = files_document(folder, files[i], &whole);
		if (!whole)
			fault("%s is torn", files[i]);
	}
	files_journal(folder, "journal.jsonl", true, &newest);
	if (newest.fault[0])
		fault("%s", newest.fault);
	journal.torn += newest.torn;
	promises_after(&with, &asked);
	if (document[0] && !promises_on_disk(&disk, document[0], document[1], other_text))
		fault("state.json has orders that nobody gave");
	else if (document[0] && !promises_equal(&disk, &promised) && !promises_equal(&disk, &with)) {
		fault("what is on disk was not promised, act %d", asked.act);
		promises_print("  promised", &promised);
		promises_print("  on disk", &disk);
	}
	if (document[0])
		promised = disk;
	asked.act = NOTHING;
	for (int i = 0; i < 4; i++)
		json_decref(document[i]);
}

/* Whether who is out by an order is in the table, and who is not, and well, is not. */
static void look_at_picks(const json_t *picks)
{
	const json_t *server;
	size_t i;

	json_array_foreach(json_object_get(picks, "servers"), i, server)
	{
		int number = server_number(text_in(server, "name"));
		bool slots = json_integer_value(json_object_get(server, "slots")) > 0;
		double effective = json_number_value(json_object_get(json_object_get(server, "weight"), "effective"));

		if (number < 0 || (number == SPARE && !promised.added))
			fault("after a start %s is in the pool", text_in(server, "name"));
		else if (slots && promised_out(&promised, number))
			fault("after a start %s is out by an order, and picked", text_in(server, "name"));
		else if (slots != (effective > 0))
			fault("after a start %s has the weight %.2f, and %s slots", text_in(server, "name"), effective,
			      slots ? "some" : "no");
	}
}

/* Its first words, before anything is asked of it: no order is lost, and the kernel picks accordingly. */
static void look_at_agent(void)
{
	json_t *leases, *picks;
	struct promises told = promised;
	int status = ask("GET", "/v1/leases", NULL, &leases);

	memset(told.order, 0, sizeof(told.order));
	if (status == 200 && ask("GET", "/v1/picks?service=web", NULL, &picks) == 200) {
		if (!promises_orders(&told, json_object_get(leases, "leases")) || !promises_equal(&told, &promised)) {
			fault("after a start the orders are not those on disk");
			promises_print("  on disk", &promised);
			promises_print("  in force", &told);
		}
		look_at_picks(picks);
		json_decref(picks);
		agent.back = true;
		look_at_turns("after a start");
		count_from_now();
	}
	json_decref(leases);
}

static bool is_critical(const json_t *audit, char *text, size_t size)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(json_object_get(audit, "findings"), i, finding)
	{
		if (strcmp(text_in(finding, "severity"), "critical"))
			continue;
		snprintf(text, size, "%s: %s", text_in(finding, "kind"), text_in(finding, "text"));
		return true;
	}
	return false;
}

/* Once it has looked around: the audit finds nothing that is not as it should be, and the configuration is the promised one. */
static void look_at_audit(void)
{
	long long until = now_ms() + LONGEST_MS;
	char text[256] = "nobody answers";
	json_t *document;
	bool other = false, good = false;
	const json_t *service;
	size_t i;

	for (; !good && now_ms() < until; pause_ms(50)) {
		if (ask("GET", "/v1/status", NULL, &document) == 200)
			good = json_is_true(json_object_get(document, "ready"));
		json_array_foreach(json_object_get(document, "services"), i, service) other |=
			!strcmp(text_in(service, "name"), "extra");
		json_decref(document);
		if (good && ask("GET", "/v1/audit", NULL, &document) == 200) {
			good = !is_critical(document, text, sizeof(text));
			json_decref(document);
		}
	}
	if (!good)
		fault("after a start the audit has to say: %s", text);
	if (other != promised.other_config)
		fault("after a start the configuration is not the one in force before");
}

#endif
