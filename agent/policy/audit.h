/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit: what was declared, against what was ordered, against what the kernel's tables hold, against the packets that
 * were counted. Pure: a picture comes in, findings go out, each with the moment since when it stands.
 */
#ifndef MUSTER_POLICY_AUDIT_H
#define MUSTER_POLICY_AUDIT_H

#include <muster/maps.h>

#include "../base.h"

enum audit_severity { AUDIT_NOTICE, AUDIT_WARNING, AUDIT_CRITICAL };

/* What can be found: enum, name in JSON, severity, what it means, what to type; %s there is SERVICE/SERVER, or the interface. */
/* clang-format off */
#define AUDIT_KINDS(X) \
	X(UNPICKED,    unpicked,    CRITICAL, "healthy and wanted, but in no pick: it gets no new connection", \
	  "muster show picks, muster why") \
	X(FORGOTTEN,   forgotten,   CRITICAL, "held out by an order that is over", "muster return %s") \
	X(LOWERED,     lowered,     CRITICAL, "healthy, but below its declared weight, and no order says so", \
	  "muster show server %s") \
	X(ORDERED,     ordered,     NOTICE,   "held below its declared weight by an order", "muster return %s") \
	X(DOWN,        down,        WARNING,  "out: it is not healthy", "muster show server %s") \
	X(EMPTY,       empty,       CRITICAL, "no server of the service may be picked", "muster show services") \
	X(OPENED,      opened,      CRITICAL, "the whole pool is short: all that answer share equally", "muster status") \
	X(STRAY,       stray,       CRITICAL, "in the kernel's tables, but declared by nobody", "muster reload") \
	X(REMOVED,     removed,     WARNING,  "removed by a command, and the file may still declare it", \
	  "muster add, or take it out of the file") \
	X(ADDED,       added,       NOTICE,   "added by a command, and not in the file", "write it into the file") \
	X(EDITED,      edited,      WARNING,  "written into the maps behind the agent's back, and repaired", \
	  "muster show events") \
	X(FOUGHT,      fought,      CRITICAL, "written into the maps again and again: left as it is for 5 minutes", \
	  "find who writes it: bpftool map, muster show events") \
	X(LEFT,        left,        CRITICAL, "written into the maps behind the agent's back, and left: protections are off", \
	  "protections: on, and muster reload") \
	X(UNPROTECTED, unprotected, CRITICAL, "protections are off: a plain balancer", "protections: on, and muster reload") \
	X(BARE,        bare,        CRITICAL, "configured, but carries no program: its packets are not balanced", \
	  "muster attach %s") \
	X(FOREIGN,     foreign,     CRITICAL, "carries another program: its packets are not balanced", "ip link show %s") \
	X(GENERIC,     generic,     WARNING,  "in generic mode, where native was asked for", \
	  "muster detach %s, and attach it again") \
	X(UNSHARED,    unshared,    CRITICAL, "its share of the new connections is not what the tables say", \
	  "muster show picks, muster show servers") \
	X(UNEVEN,      uneven,      WARNING,  "its clients or live connections are not what its share says", \
	  "muster show servers") \
	X(STALE,       stale,       WARNING,  "not checked for longer than it should be", "muster show stats")
/* clang-format on */
enum audit_kind {
#define X(NAME, name, SEVERITY, meaning, next) AUDIT_##NAME,
	AUDIT_KINDS(X)
#undef X
		AUDIT_KINDS_N
};

#define AUDIT_TEXT 256

struct audit_finding {
	enum audit_kind kind;
	char service[MUSTER_NAME_SIZE], server[MUSTER_NAME_SIZE]; /* "": none; of an interface the name is in server */
	char text[AUDIT_TEXT];                                    /* the finding in figures */
	int64_t since_ms;
	bool told; /* by the owner, in the journal */
};

/* The picture. A server as it is declared, ordered, observed, and picked. */
struct audit_server {
	const char *name;
	uint32_t declared, effective; /* 1/100 weight */
	bool healthy;
	bool observed;     /* the cause of its weight is an observer's word */
	const char *cause; /* why it has the weight that it has */
	bool ordered, overdue;
	const char *order; /* "drained by root for 12 min more: test"; NULL: none stands */
	uint32_t slots;    /* of its service's table */
	bool unchecked;    /* its checks should have said something long ago */
	bool added;        /* by a command */
};

struct audit_service {
	const char *name;
	const struct audit_server *servers;
	size_t n_servers;
	uint32_t n_slots, stray_slots;
	bool fail_open;
	bool settled; /* its servers have been checked, and its table was read */
};

struct audit;

int audit_new(struct audit **out);
void audit_free(struct audit **audit);

/* A look: begin, what is seen, end. What was found before and is not seen again is over. */
void audit_begin(struct audit *audit, int64_t now_ms);
void audit_see_service(struct audit *audit, const struct audit_service *service);
/* Anything else: a finding by its kind and names, with its own sentence. Seen already: the sentence is the new one. */
void audit_see(struct audit *audit, enum audit_kind kind, const char *service, const char *server, const char *format,
	       ...) _printf_(5, 6);
/* `over` is called with each finding that is not there any more. */
void audit_end(struct audit *audit, void (*over)(void *context, const struct audit_finding *finding), void *context);

/* What stands, in the order in which it was seen. */
struct audit_finding *audit_findings(struct audit *audit, size_t *n);

enum audit_severity audit_severity(enum audit_kind kind);
const char *audit_kind_name(enum audit_kind kind);
const char *audit_meaning(enum audit_kind kind);
/* What to type; the name is filled in. */
const char *audit_next(const struct audit_finding *finding, char *buf, size_t n);
const char *audit_severity_name(enum audit_severity severity);

#endif
