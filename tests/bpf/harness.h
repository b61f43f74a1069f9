/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the real program, build/muster.bpf.o (or $MUSTER_OBJECT), on single packets with BPF_PROG_TEST_RUN, over
 * maps of its own: nothing is pinned, and interfaces stand in a network namespace of the test's own.
 */
#ifndef MUSTER_TEST_HARNESS_H
#define MUSTER_TEST_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <muster/event.h>
#include <muster/flow.h>
#include <muster/ports.h>
#include <muster/verdict.h>

#include "packet.h"

#define SERVICE_PORT 80
#define SERVER_PORT  8080
#define PORT_FIRST   1024
#define PORT_COUNT   2000
#define FOREVER      (1U << 22) /* beats */

enum { WEB = 1, WEB_UDP = 2, ANY_PORT = 3, OTHER = 4 }; /* service indices */

extern int program;          /* fd */
extern unsigned front, back; /* interfaces of the balancer: to clients, to servers */
extern struct bpf_object *object;
extern unsigned table_buckets; /* before bench_up: buckets of each of the flow table's tables */

/* Group fixtures: the namespace, the interfaces, the object. */
int bench_up(void **state);
int bench_down(void **state);
/* Test fixture: empty maps, default configuration. */
int bench_reset(void **state);

/* table.c: the flow table's maps. */
void table_up(void);
void table_reset(struct muster_config *config);

int map_fd(const char *name);
void map_put(const char *name, const void *key, const void *value);

struct outcome {
	enum muster_verdict verdict;
	int action; /* XDP_* */
	struct frame frame;
};
/* One packet in by `ifindex`; fails the test unless exactly one verdict was counted. */
struct outcome run_on(unsigned ifindex, const struct frame *frame);
struct outcome run(const struct packet *packet);
/* The same without counting verdicts, for the many and for threads: the XDP action, and what came out. */
int run_quick(unsigned ifindex, const struct frame *in, struct frame *out);

void check_verdict(const struct outcome *outcome, enum muster_verdict wanted, const char *what);
void check_frame(const struct frame *got, const struct frame *wanted, const char *what);
/* Runs, and wants that verdict and, unless NULL, that packet out. */
struct outcome expect(const char *what, const struct packet *in, enum muster_verdict wanted, const struct packet *out);
/* Runs, and wants a PASS of that verdict with not a byte changed. */
void expect_passed(const char *what, const struct frame *in, enum muster_verdict wanted);

/* A service of VIP or VIP_B by index, for both families by `family`. */
struct muster_service service_make(enum role vip, int family, int proto, uint16_t port, enum muster_mode mode);
void service_put(uint32_t index, const struct muster_service *service);
void service_vip(uint32_t index, const struct muster_service *service, bool there);
/* A server's record, its hop known, generation 1. */
struct muster_server server_make(uint32_t service, enum role role, int family, uint16_t port);
void server_put(uint32_t index, const struct muster_server *server);
/* A service's table: slots end with -1. */
void picks_put(uint32_t service, const int *slots);
uint64_t picks_turn(uint32_t service);

void config_get(struct muster_config *config);
void config_put(const struct muster_config *config);

/* The usual: service WEB (TCP) and WEB_UDP on VIP with WEB_01 as servers 1 and 11, WEB_02 as 2 and 12. */
void pool_make(int family, enum muster_mode mode);

/* An entry of the flow table, where it stands. */
struct found {
	struct muster_flow *flow; /* NULL: none */
	__u64 *tag;
	uint32_t ref;
};
/* The entry of the direction that the packet goes: a client's, or a server's answer to that client. false: none. */
bool flow_get(const struct packet *packet, struct found *found);
uint32_t flow_state(const struct found *found);
/* One direction, or both, get older by `beats`. */
void entry_age(const struct found *found, uint32_t beats);
void flow_age(const struct packet *packet, uint32_t beats);
/* As if the table had lost the entry, and nothing but it. */
void entry_lose(const struct found *found);
/* Entries in use: two a flow, one where answers do not come this way. */
unsigned flow_count(void);
unsigned flow_count_in(enum muster_table table);
struct muster_bucket *table_buckets_of(enum muster_table table);
/* The source ports toward a server: `count` from `first` on, of each of `sources` addresses; all free. */
void ports_put(uint32_t server, uint16_t first, uint16_t count, unsigned sources);
uint32_t ports_early(uint32_t server);
/* Number n toward a server, as if a flow held it, or none did; and whether one does. */
void port_hold(uint32_t server, uint32_t n, bool held);
bool port_held(uint32_t server, uint32_t n);

/*
 * invariants.c: what must hold whenever no packet is under way. Fails the test, with `what` in the sentence, where an entry is
 * still being written, lacks its other direction or is not that one's; where a port is held by none or two, or stands in the
 * ring other than once; where muster_live is not what the entries say.
 */
void check_whole(const char *what);
/* Of one server's source ports: how many are free and in the ring, how many a flow holds. */
struct ports_sum {
	unsigned n, ringed, held;
};
struct ports_sum ports_sum(uint32_t server);
uint64_t live_of(uint32_t server);
/* Where a forwarded packet's transport source port stands. */
uint16_t source_port(const struct frame *frame);

struct muster_stats stats_of(const char *map, uint32_t index);
struct muster_signals signals_of(uint32_t server);
/* The newest event in the ring; false: none. */
bool event_get(struct muster_event *event);

void command(const char *line);

#endif
