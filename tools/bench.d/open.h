/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens flows as clients do: SYN, the server's SYN/ACK, and only then the ACK that proves the flow. Few are under way at a
 * time, so that none is pushed out of a table of half-open flows before it is proven; what got lost is sent again.
 */
#ifndef BENCH_OPEN_H
#define BENCH_OPEN_H

#include "source.h"

#define OPEN_AT_ONCE   2048 /* a quarter of the half-open flows that Muster has room for */
#define OPEN_ATTEMPTS  5
#define OPEN_STILL_US  200000 /* no packet has come for so long: there comes none */
#define OPEN_GLANCE_US 200

struct opening {
	__u64 repeated;    /* handshakes' packets of a chunk that was sent again, because not all of it arrived */
	__u64 unanswered;  /* SYNs, after all attempts */
	__u64 unconfirmed; /* ACKs, after all attempts */
};

/* Packets that have come to an end of their way: at a server, or, as the answer to one, at the client. */
static inline __u64 ends_reached(const struct sink *servers, const struct sink *client)
{
	return sink_read(servers).dropped + sink_read(client).dropped;
}

/* How many have come, once all of them have, or none comes any more. */
static inline __u64 ends_wait(const struct sink *servers, const struct sink *client, __u64 before, __u64 wanted)
{
	__u64 come = 0, now;

	for (int still = 0; come < wanted && still < OPEN_STILL_US / OPEN_GLANCE_US; still++) {
		now = ends_reached(servers, client) - before;
		if (now != come)
			still = 0;
		come = now;
		if (come < wanted)
			usleep(OPEN_GLANCE_US);
	}
	return come;
}

/* One packet on each of some flows; how many of them went missing. */
static inline __u64 open_step(const struct source *source, const struct sink *servers, const struct sink *client,
			      enum kind kind, __u32 first, __u32 flows, struct opening *opening)
{
	__u64 before, come = 0;

	for (int i = 0; i < OPEN_ATTEMPTS && come < flows; i++) {
		if (i)
			opening->repeated += flows;
		before = ends_reached(servers, client);
		source_aim(source, kind, 0, first);
		source_emit(source, flows);
		come = ends_wait(servers, client, before, flows);
	}
	return come < flows ? flows - come : 0;
}

/* `answers`: the servers' SYN/ACKs come back through the balancer, so they are to answer. */
static inline struct opening open_flows(const struct source *source, const struct sink *servers,
					const struct sink *client, __u32 flows, bool answers)
{
	struct opening opening = {};

	for (__u32 first = 0; first < flows; first += OPEN_AT_ONCE) {
		__u32 n = flows - first < OPEN_AT_ONCE ? flows - first : OPEN_AT_ONCE;

		sink_answers(servers, answers);
		opening.unanswered += open_step(source, servers, client, KIND_SYN, first, n, &opening);
		sink_answers(servers, false);
		opening.unconfirmed += open_step(source, servers, client, KIND_ACK, first, n, &opening);
	}
	return opening;
}

#endif
