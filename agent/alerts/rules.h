/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of alerts: what raises each, what it means, the exact next commands, and what ends it. It is what the agent
 * matches, what every message says, and what muster-playbook(7) is written from; a new alert is one new entry of
 * ALERT_RULES. Pure.
 *
 * An alert comes from a signal (something that stands in the agent's model: standing.c says so each half second; it ends when it no longer
 * stands) or from the journal (a line of `kind` whose `to` is one of the words; it ends with a line of `end_kind` whose `to` is one of the end
 * words, about the same server, or when it was not repeated for `lasts_s`).
 */
#ifndef MUSTER_ALERT_RULES_H
#define MUSTER_ALERT_RULES_H

#include "../report/journal.h"
#include "severity.h"

#define ALERT_NEXT 4

/* What raises an alert. */
struct alert_trigger {
	bool journal; /* else: a signal */
	enum journal_kind kind;
	const char *words; /* "a|b"; NULL: every line of the kind */
	enum journal_kind end_kind;
	const char *end_words;
	int64_t lasts_s; /* 0: until its end line */
};

struct alert_rule {
	const char *name;
	enum alert_severity severity;
	struct alert_trigger trigger;
	const char *title; /* follows the subject: "web/web-02 is down" */
	const char *means;
	const char *ends;             /* made to follow "It ends when" */
	const char *next[ALERT_NEXT]; /* commands; {subject}, {service} and {server} stand for the alert's own */
};

#define SIGNAL                                                                                                         \
	{                                                                                                              \
		.journal = false                                                                                       \
	}
/* A line of KIND (of WORDS, or NULL) raises it; it is over after so many seconds without another. */
#define EVENT(KIND, WORDS, SECONDS)                                                                                    \
	{                                                                                                              \
		.journal = true, .kind = JOURNAL_##KIND, .words = WORDS, .end_kind = JOURNAL_KINDS_N,                  \
		.lasts_s = SECONDS                                                                                     \
	}
/* A line of KIND (of WORDS, or NULL) raises it, one of END (of END_WORDS, or NULL) ends it. */
#define BETWEEN(KIND, WORDS, END, END_WORDS)                                                                           \
	{                                                                                                              \
		.journal = true, .kind = JOURNAL_##KIND, .words = WORDS, .end_kind = JOURNAL_##END,                    \
		.end_words = END_WORDS                                                                                 \
	}

/* clang-format off */
#define ALERT_RULES(X) \
	X(SERVER_DOWN, server_down, WARNING, SIGNAL, "is down", \
	  "The server's check fails, and it gets no new connection. The others of its pool carry its share: look at their memory too.", \
	  "its check passes again", \
	  "muster show server {subject}", "muster show servers", "muster show events --most 20") \
	X(SERVER_SLOW, server_slow, WARNING, SIGNAL, "is slow", \
	  "The server's check times out while its clients are still answered. Its weight is lowered; it is not taken out.", \
	  "its check is answered in time again", \
	  "muster show server {subject}", "muster show flows --server {subject}") \
	X(SERVER_REFUSES, server_refuses, WARNING, SIGNAL, "refuses its clients' connections", \
	  "The packets show that clients who are sent to this server are refused: its program is not running, or does not accept on this port.", \
	  "nobody has been refused for a while, or its check is answered", \
	  "muster show server {subject}", "muster show events --most 20") \
	X(SERVER_ERRS, server_errs, WARNING, SIGNAL, "answers 5xx more often than the rest of its pool", \
	  "Clients get errors from this server that the others do not give. Its weight is at its floor; what is wrong is on the server.", \
	  "its share of 5xx is like that of its pool", \
	  "muster show server {subject}", "muster drain {subject} --for 1h --reason \"answers 5xx\"") \
	X(SERVICE_ERRS, service_errs, CRITICAL, SIGNAL, "answers with 5xx, from all its servers alike", \
	  "Clients get errors whichever server they meet: the fault is the application's, or in what all its servers depend on. Moving weight does not help, so none is moved.", \
	  "the share of 5xx is normal again", \
	  "muster show stats", "muster show servers") \
	X(MEMORY_LOW, memory_low, WARNING, SIGNAL, "is short of memory", \
	  "Less memory is available than soft. The server's weight falls as its memory does, and its twins take more.", \
	  "its available memory is above soft again", \
	  "muster show server {subject}", "muster show servers") \
	X(MEMORY_HARD, memory_hard, CRITICAL, SIGNAL, "is about to run out of memory", \
	  "Less memory is available than hard. It gets no new connection while another server has room; the next step is that it answers 500 or is killed.", \
	  "its available memory is above hard again", \
	  "muster show server {subject}", "muster drain {subject} --for 30m --reason \"out of memory\"", "muster show servers") \
	X(MEMORY_ENDS, memory_ends, CRITICAL, SIGNAL, "will be out of memory soon, at this rate", \
	  "Its available memory falls steadily, and the line meets zero within a quarter of an hour. Nothing is done for that alone: there is time to find out why, or to recycle it.", \
	  "the slope is gone, or memory was freed", \
	  "muster show server {subject}", "muster recycle {subject}", "muster show servers") \
	X(NOT_RECYCLED, not_recycled, CRITICAL, SIGNAL, "could not be recycled", \
	  "It was out of memory, its service says on_memory: recycle, and that failed: connections were left on it, its hook failed, or it did not come back well. Its order is over, and it gets what its check and its memory allow. It is tried again after a while that doubles each time.", \
	  "a later time succeeds, or ten minutes and more have passed and it is healthy and above soft", \
	  "muster show server {subject}", "muster show events --most 50", "muster drain {subject} --for 30m --then-kill-after 5m --reason \"out of memory\"", "muster recycle {subject}") \
	X(MEMORY_SILENT, memory_silent, WARNING, SIGNAL, "does not tell its memory any more", \
	  "The memory source is silent, so memory no longer protects this server: it could run out unseen.", \
	  "the source answers again", \
	  "muster show server {subject}") \
	X(NO_NEXT_HOP, no_next_hop, WARNING, SIGNAL, "cannot be reached: nobody answers for its next hop", \
	  "Packets to this server are dropped on this host, for want of a link address: the server or its switch port is off, or the route or the address is wrong.", \
	  "its next hop answers", \
	  "muster show server {subject}", "ip neighbour show nud failed") \
	X(OUT_WITHOUT_ORDER, out_without_order, CRITICAL, SIGNAL, "is healthy, but gets no new connection, and no order says so", \
	  "A server that could serve does not, and nobody asked for it: the others carry its share, until one of them cannot.", \
	  "it gets new connections, or an order stands on it", \
	  "muster show server {subject}", "muster return {subject} --force", "muster show events --most 50") \
	X(ORDER_OVERDUE, order_overdue, CRITICAL, SIGNAL, "is still out: its order is over, but it is not healthy", \
	  "Somebody took the server out for a while. That time is over, and it cannot come back by itself: its check fails.", \
	  "it is healthy and serves, or the order is returned", \
	  "muster show server {subject}", "muster return {subject} --force") \
	X(ORDER_ENDS, order_ends, INFO, SIGNAL, "comes back soon: four fifths of the time of an order on it are over", \
	  "At the end the server gets connections again, if it is healthy. Whoever still works on it says so now.", \
	  "the order is over, or has got a later end", \
	  "muster lease list", "muster show server {subject}", "muster return {subject}") \
	X(ORDER_ENDLESS, order_endless, WARNING, SIGNAL, "has been out for an hour and more, by an order without an end", \
	  "Nobody but an operator ends this order. The others carry the server's share until then: the outage that Muster was made for began like this.", \
	  "the order is returned", \
	  "muster show server {subject}", "muster lease list", "muster return {subject}") \
	X(CLOCK_BEHIND, clock_behind, WARNING, EVENT(CLOCK, "behind the last save", 3600), "has a clock behind what it was before the machine started", \
	  "How long the machine was off cannot be known, so no order's time went by meanwhile: each goes on with what was left when it was saved last, and ends that much later than it said.", \
	  "an hour has passed", \
	  "timedatectl", "muster lease list", "muster show events --most 20") \
	X(RECALLED, recalled, CRITICAL, EVENT(ORDER_RECALLED, NULL, 3600), "was called back into service: the servers left fell short", \
	  "Somebody had taken it out, and its twins could not carry the rest. Its order is suspended, and stays so until it is said again.", \
	  "an hour has passed", \
	  "muster show server {subject}", "muster lease list", "muster show servers") \
	X(UNDECLARED, undeclared, CRITICAL, SIGNAL, "is not in the kernel as it was declared", \
	  "The audit found tables, packets or interfaces that differ from what was declared and ordered: somebody writes the maps, or the program is another one.", \
	  "the audit finds nothing of it any more", \
	  "muster audit", "muster show events --most 50") \
	X(NOT_CARRIED, not_carried, INFO, BETWEEN(REHEARSAL, "not carried", REHEARSAL, "carried"), "cannot be spared: the rest of its pool would not carry the peak", \
	  "A rehearsal took the server out under load, and what the others carried, scaled to the peak of the last day, is more than they can: were it to fail, clients would see it.", \
	  "a later rehearsal finds that the rest carries it", \
	  "muster show events --most 50", "muster show servers", "muster rehearse {service}") \
	X(UNPROTECTED, unprotected, CRITICAL, SIGNAL, "turns the protections off: a plain balancer, as long as that lasts", \
	  "Somebody wrote protections: off, to compare or to rule Muster out. Nothing is recalled, refused, weighed by memory or repaired, so one forgotten server is enough for an outage.", \
	  "the file says protections: on, and was taken over", \
	  "muster status", "muster reload", "muster audit") \
	X(REMOVED, removed, WARNING, SIGNAL, "was removed by a command, and is not in its pool", \
	  "The file may still declare this server, but a command took it out, over restarts too. If that is meant to last, take it out of the file.", \
	  "it is added again, or the file no longer declares it", \
	  "muster show servers", "muster show events --most 50") \
	X(FAIL_OPEN, fail_open, CRITICAL, SIGNAL, "is fail-open: no server of it is well", \
	  "No server of the pool is healthy with memory to spare, so all that answer share the connections equally. Clients may see errors.", \
	  "a server is well again", \
	  "muster show servers", "muster show events --most 50") \
	X(NOBODY_SERVES, nobody_serves, CRITICAL, SIGNAL, "has no server that may be picked", \
	  "New clients of this service are refused: each of its servers is down, drained, or of weight 0.", \
	  "a server of it gets new connections", \
	  "muster show servers", "muster show events --most 50") \
	X(OBSERVER_SUSPECT, observer_suspect, CRITICAL, SIGNAL, "times out as a whole, so the balancer suspects itself", \
	  "Half of the pool or more began to time out at once while the packets show answers. The fault is likely on the balancer: its network, its load. States are held as they were.", \
	  "the checks are answered again", \
	  "muster show servers", "muster show stats", "ip -s link") \
	X(PORTS_SCARCE, ports_scarce, WARNING, SIGNAL, "has few source ports left toward it", \
	  "Nearly all source ports toward this server are in use. When none is left, new connections to it are dropped: the service needs more source addresses.", \
	  "fewer than nine in ten are in use", \
	  "muster show server {subject}", "muster show flows --server {subject}") \
	X(PORT_REUSED_EARLY, port_reused_early, WARNING, SIGNAL, "was given source ports again too early", \
	  "Source ports went to another client before the server can have forgotten the one before: some connections wait a second. The service needs more source addresses.", \
	  "it has not happened for 10 minutes", \
	  "muster show server {subject}", "muster show stats") \
	X(NOT_ATTACHED, not_attached, CRITICAL, SIGNAL, "carries no program, so its packets are not balanced", \
	  "The configuration lists the interface, but the program is not on it: somebody took it off, or the interface was made anew.", \
	  "the program is on it", \
	  "muster attach {server}", "muster status", "ip link show dev {server}") \
	X(STORAGE, storage, CRITICAL, SIGNAL, "cannot be written: orders are not saved", \
	  "The state folder's disk is full or broken. Forwarding goes on; orders that take a server out are refused, and the journal waits in memory.", \
	  "a write succeeds", \
	  "muster status", "df -h {server}", "df -i {server}") \
	X(RECEIVER_FAILING, receiver_failing, WARNING, SIGNAL, "takes no alerts", \
	  "Three deliveries in a row to this receiver failed. What it is owed is kept and tried again; meanwhile whoever relies on it hears nothing.", \
	  "a delivery to it succeeds", \
	  "muster alerts", "muster alert test {server}") \
	X(RELOAD_REFUSED, reload_refused, WARNING, SIGNAL, "was not taken over by a reload", \
	  "The file was read again and refused: it has faults, or it takes out servers that the rest may not do without. The configuration before is in force, and what is in the file is not.", \
	  "a reload takes the file, or another configuration is applied", \
	  "musterd -t -c {server}", "muster plan {server}", "muster apply {server} --confirm-within 5m", "muster reload") \
	X(CONFIG_PENDING, config_pending, CRITICAL, SIGNAL, "was edited while the agent was away, and is held back", \
	  "The file takes servers out that serve now, or has faults. The configuration before runs on until somebody accepts the change, or mends the file.", \
	  "a configuration is applied, or a reload takes the file", \
	  "musterd -t -c {server}", "muster plan {server}", "muster apply {server} --confirm-within 5m") \
	X(CONFIG_BACK, config_back, WARNING, EVENT(CONFIG_BACK, NULL, 600), "was rolled back to the configuration before", \
	  "A change was not confirmed in time, or more connections failed after it than before, or an operator rolled it back.", \
	  "10 minutes have passed", \
	  "muster show events --most 20", "muster status") \
	X(PACKETS_LOST, packets_lost, WARNING, EVENT(PACKETS, "not forwarded", 600), "loses packets", \
	  "Packets were not forwarded for a reason that is no client's fault; the detail names it and one of them.", \
	  "it has not happened for 10 minutes", \
	  "muster show verdicts", "muster status", "muster show events --most 20")
/* clang-format on */

enum alert_kind {
#define X(NAME, ...) ALERT_##NAME,
	ALERT_RULES(X)
#undef X
		ALERT_KINDS_N
};

extern const struct alert_rule alert_rules[ALERT_KINDS_N];

/* -ENOENT: no such name. */
int alert_kind_by_name(const char *name);
const char *alert_severity_name(enum alert_severity severity);

/* What a journal line does to the alert of this kind: raises it (1), ends it (-1), neither (0). */
int alert_rule_match(const struct alert_rule *rule, const char *kind, const char *to);

/* A command of the table with the alert's own names in it. */
void alert_next_text(const char *pattern, const char *service, const char *server, char *out, size_t size);

/* The manual page muster-playbook(7): a section for each alert. */
void alert_playbook(FILE *out);

#endif
