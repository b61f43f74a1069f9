/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The declared layer: what the configuration file says, parsed and checked, with nothing applied yet.
 * Every string is owned by its struct. Times are milliseconds, ports host order unless __be16 says otherwise.
 */
#ifndef MUSTER_CONFIG_H
#define MUSTER_CONFIG_H

#include <net/if.h>
#include <stdio.h>
#include <muster/maps.h>

#include "alerts/severity.h"
#include "base.h"

#define CONFIG_MAX_INTERFACES 64
#define CONFIG_MAX_RECEIVERS  16
#define SERVER_WEIGHT_MAX     256
#define MEMORY_PORT_DEFAULT   9100 /* node_exporter's */
#define MEMORY_PATH_DEFAULT   "/metrics?collect[]=meminfo&collect[]=pressure&collect[]=vmstat"

enum check_type { CHECK_NONE, CHECK_TCP, CHECK_HTTP, CHECK_HTTPS };

struct status_range {
	uint16_t first, last; /* inclusive */
};
#define CHECK_STATUS_RANGES 8

/* How a server's health is asked. */
struct check_conf {
	enum check_type type;
	char *method; /* "GET" */
	char *path;   /* "/" */
	char *host;   /* Host header and TLS name; NULL: the server's address */
	char *body;   /* substring wanted in the first 64 KiB of the body; NULL: none */
	bool tls_verify;
	char *ca_file; /* NULL: the system's */
	struct status_range status[CHECK_STATUS_RANGES];
	unsigned n_status;
	uint16_t port; /* 0: the server's own */
	uint32_t timeout_ms;
	uint32_t interval_ms;
	uint32_t fast_interval_ms; /* while a change is under way: between the first contrary result and the decision */
	uint32_t jitter_pct;       /* of the interval, either way */
	uint32_t rise, fall;       /* consecutive results */
};

enum memory_source { MEMORY_NONE, MEMORY_NODE_EXPORTER, MEMORY_AGENT_CHECK };

/* Where a server's memory is read, and what it means. Ratios are of MemAvailable to MemTotal, in percent. */
struct memory_conf {
	enum memory_source source;
	uint16_t port;
	char *path; /* node_exporter: MEMORY_PATH_DEFAULT */
	char *send; /* agent-check: string sent after connecting; NULL: nothing */
	uint32_t interval_ms;
	uint32_t timeout_ms;
	uint32_t stale_after_ms; /* silence after which the source stops counting */
	uint32_t soft_pct, hard_pct, floor_pct;
	uint32_t forecast_ms; /* how far back the forecast looks; 0: none is made */
};

struct server_conf {
	char name[MUSTER_NAME_SIZE];
	struct muster_addr addr;
	uint16_t port;             /* 0: the service's */
	uint32_t weight;           /* 0 to SERVER_WEIGHT_MAX */
	uint32_t max_flows;        /* live flows at most; 0: no limit */
	bool backup;               /* stands in when the active ones are too few or fall short */
	uint32_t tier;             /* of a backup, from 1: a higher one stands in later */
	struct memory_conf memory; /* the service's, with what the server's own section overrides */
	unsigned line;             /* in the file; 0: from an overlay */
};

struct pool_conf {
	uint32_t max_out_pct; /* share of the pool that observers may take out */
	uint32_t hold_ms;     /* first hold after an ejection */
	uint32_t hold_max_ms;
	uint32_t slow_start_ms; /* from the first flow to the whole weight, after each return; 0: at once */
	uint32_t min_active;    /* fewer than so many: backups stand in */
};

struct service_conf {
	char name[MUSTER_NAME_SIZE];
	struct muster_addr addr;
	uint16_t port; /* 0: any */
	uint8_t proto; /* IPPROTO_TCP, IPPROTO_UDP */
	enum muster_mode mode;
	enum muster_scheduler scheduler;
	enum muster_on_empty on_empty;
	enum muster_on_down on_down;
	bool recycles;      /* on_memory: recycle; else a server that is out of memory is only weighed */
	char *recycle_hook; /* its program, without arguments; NULL: none */
	bool observe;       /* plain HTTP/1.x: the status classes of the responses are counted */
	bool claim;         /* put addr on the interface, and take it back at detach */
	struct muster_addr source[MUSTER_MAX_SOURCES]; /* fullnat, ipip, gue; none: the route's preferred source */
	unsigned n_source;
	struct check_conf check;
	struct memory_conf memory;
	struct pool_conf pool;
	struct server_conf *servers;
	size_t n_servers;
	unsigned line;
};

enum attach_mode { ATTACH_AUTO, ATTACH_NATIVE, ATTACH_GENERIC };

struct interface_conf {
	char name[IF_NAMESIZE];
	enum attach_mode mode;
};

#define PAGERDUTY_URL "https://events.pagerduty.com/v2/enqueue"

enum receiver_type {
	RECEIVER_WEBHOOK,
	RECEIVER_SLACK,
	RECEIVER_PAGERDUTY,
	RECEIVER_ALERTMANAGER,
	RECEIVER_SMTP,
	RECEIVER_EXEC,
	RECEIVER_HEARTBEAT,
};

/* Whom alerts are told. What is secret stands in files, and is read at each delivery. */
struct receiver_conf {
	char name[MUSTER_NAME_SIZE];
	enum receiver_type type;
	char *url, *url_file;   /* one of them; neither for exec */
	char *ca_file;          /* NULL: the system's */
	char *secret_file;      /* token, routing key or password; NULL: none */
	char *command;          /* exec: the program, without arguments */
	char *user, *from, *to; /* smtp */
	enum alert_severity least;
	uint32_t step;        /* of the escalation, from 1 */
	uint32_t interval_ms; /* heartbeat */
	unsigned line;
};

struct alerts_conf {
	uint32_t repeat_ms; /* 0: never */
	uint32_t flap_ms;
};

struct config {
	char *file;                 /* as named by the operator */
	char *object;               /* muster.bpf.o; NULL: not given, the caller knows where to look */
	char *pins;                 /* folder of the pinned maps */
	char *socket;               /* control API */
	char *group;                /* group that may use the socket */
	char *state_dir;            /* journal, orders, overlay */
	uint64_t journal_max_bytes; /* of one file, then it is rotated */
	uint32_t journal_keep;      /* rotated files kept */
	uint32_t order_max_s;       /* longest lease */
	uint32_t
		recall_before_ms; /* a drain is recalled when the servers left have less than this until they are out of memory */
	uint32_t flows;           /* room in the flow table */
	bool protections; /* false: a plain balancer (policy/plain.h) */
	struct {
		uint32_t half_open_ms, established_ms, closing_ms, udp_ms, udp_once_ms;
	} timeout;
	struct interface_conf *interfaces;
	size_t n_interfaces;
	struct service_conf *services;
	size_t n_services;
	struct alerts_conf alerts;
	struct receiver_conf *receivers;
	size_t n_receivers;
};

/*
 * Reads, checks and returns a configuration. All faults of the file are written to `faults`, one line each:
 * "file:line:column: what, and what to do", sorted by position. Returns 0; -EINVAL when there was a fault;
 * another -errno when the file could not be read (said in `faults` as well).
 */
int config_load(const char *file, FILE *faults, struct config **out);
/* The same from memory; `name` stands for the file in faults. This is what the fuzzer calls. */
int config_parse(const char *text, size_t length, const char *name, FILE *faults, struct config **out);

/*
 * The folder that `state` or `pins` names, by a text that may have faults, even in its syntax. Owned by the caller; NULL: no
 * memory.
 */
char *config_folder(const char *text, const char *key);
void config_free(struct config **config);

/* Writes the manual page of the file format (man macros), from the same table that reads it. 0 or -EIO. */
int config_manual(FILE *out);

/* The words of the file for these; "" for a value that has none. */
const char *config_mode_name(enum muster_mode mode);
const char *config_scheduler_name(enum muster_scheduler scheduler);
const char *config_on_memory_name(bool recycles);
/* Whether the packet goes to the server in a packet of this host's, which may be of another family. */
bool config_mode_tunnels(enum muster_mode mode);
/* Whether the server meets the packet with the service's address and port, and answers the client by itself. */
bool config_mode_returns_direct(enum muster_mode mode);

/* Whether alerts of this type go out by HTTP. */
bool config_receiver_is_http(enum receiver_type type);
const char *config_receiver_type_name(enum receiver_type type);

/* Whether text is a name for a service or server; NULL, or the reason against it, made to follow the quoted text. */
const char *config_name_fault(const char *text);
/*
 * Whether a server may join the service: its name and address are not taken in the pool, its address is of the
 * service's family where the mode asks for that, none of the special ones, and no service's own; its port is one that
 * the mode can serve. 0, or -EINVAL with a sentence in `why` (size n).
 */
int config_server_fits(const struct config *config, const struct service_conf *service,
		       const struct server_conf *server, char *why, size_t n);

/* A new server of a service as the file would have given it: everything by default from the service. Owned by caller. */
int server_conf_default(const struct service_conf *service, struct server_conf *out);
void server_conf_clear(struct server_conf *server);
int memory_conf_copy(struct memory_conf *to, const struct memory_conf *from);
/* Appends a server (ownership of its strings moves in) or takes one out; for overlays. */
int service_conf_add(struct service_conf *service, struct server_conf *server);
void service_conf_remove(struct service_conf *service, size_t index);

#endif
