/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keys and values of the pinned maps: the one description that the program and the agent share.
 *
 * Addresses are 16 bytes in network byte order; IPv4 stands as a v4-mapped IPv6 address
 * (::ffff:a.b.c.d, RFC 4291 2.5.5.2), so that one code path serves both families.
 * A tick is one jiffy of the kernel, cut to 32 bits: ages are differences of ticks, so a wrap is harmless.
 * A layout is ABI: whoever changes one raises MUSTER_ABI.
 *
 * map               type            key                   value                      written by
 * muster_config     array[1]        0                     muster_config              agent; secret: first comer
 * muster_vips       hash            muster_vip            service index, __u32       agent
 * muster_services   array           service index         muster_service             agent
 * muster_servers    array           server index          muster_server              agent
 * muster_picks      array of maps   service index         array of __u64, see below  agent; turn: program
 * muster_flows      array of maps   enum muster_table     array of muster_bucket     agent; entries: program
 * muster_proven     array[1]        0                     muster_proven (flow.h)     program; cleared: agent
 * muster_ports      array of maps   server index          array of lines, ports.h    agent; ports: program
 * muster_live       array           server index          live flows, __u64          program
 * muster_fragments  LRU hash        muster_fragment       place of a flow, __u32     program
 * muster_verdicts   per-CPU array   enum muster_verdict   __u64                      program
 * muster_svc_stat   per-CPU array   service index         muster_stats               program
 * muster_srv_stat   per-CPU array   server index          muster_stats               program
 * muster_signals    per-CPU array   server index          muster_signals             program
 * muster_limits     per-CPU array   0                     muster_limits              program
 * muster_clients    array           hash of an address    tick of its last 5xx       program
 * muster_flood      array[1]        0                     muster_flood               program
 * muster_events     ring buffer                           muster_event (event.h)     program
 *
 * Two maps are not pinned, and live as long as the agent that counts failures (bpf/failures.h):
 * muster_offsets    array[1]        0                     muster_offsets             agent
 * muster_failures   hash            muster_failure_key    muster_failure             program
 */
#ifndef MUSTER_MAPS_H
#define MUSTER_MAPS_H

#include <linux/types.h>

#define MUSTER_ABI            4
#define MUSTER_MAX_SERVICES   256
#define MUSTER_MAX_SERVERS    4096
#define MUSTER_VERDICTS_MOST  64    /* room for verdicts to come: the map's size must not change with their number */
#define MUSTER_MAX_SLOTS      65537 /* slots of one service's picks */
#define MUSTER_MAX_SOURCES    4     /* fullnat source addresses toward one server */
#define MUSTER_NAME_SIZE      32    /* NUL included */
#define MUSTER_SECRET_WORDS   6
#define MUSTER_TIMEOUTS       8
#define MUSTER_MASKS          4
#define MUSTER_STRANGER_WORDS 8
#define MUSTER_EVENTS_BYTES   (256 * 1024)
#define MUSTER_MAX_FAILURES   64
#define MUSTER_MAX_FRAGMENTS  4096
#define MUSTER_MAX_CLIENTS    4096 /* told apart where errors are counted */

struct muster_addr {
	__be32 word[4];
};
_Static_assert(sizeof(struct muster_addr) == 16, "muster_addr is ABI");

/* Where an address falls among the bits of muster_config's strangers: cheap, and no secret. */
static inline __u32 muster_address_bit(const struct muster_addr *addr)
{
	return ((addr->word[0] ^ addr->word[1] ^ addr->word[2] ^ addr->word[3]) * 0x9e3779b1U) >> 23;
}

/* One direction of a flow, as its packets carry it. */
struct muster_tuple {
	struct muster_addr src;
	struct muster_addr dst;
	union {
		struct {
			__be16 sport;
			__be16 dport;
		};
		__be32 ports; /* both, as they stand in a packet */
	};
	__u8 proto; /* IPPROTO_TCP, IPPROTO_UDP */
	__u8 zero[3];
};
_Static_assert(sizeof(struct muster_tuple) == 40, "muster_tuple is ABI");

/* What clients address. port 0: any port of the address that has no service of its own. */
struct muster_vip {
	struct muster_addr addr;
	__be16 port;
	__u8 proto;
	__u8 zero;
};
_Static_assert(sizeof(struct muster_vip) == 20, "muster_vip is ABI");

/* The way to a neighbour. ifindex 0: not known. */
struct muster_hop {
	__u32 ifindex;
	__u32 refreshed; /* tick at which it was last known true */
	__u8 dst_mac[6];
	__u8 src_mac[6];
};
_Static_assert(sizeof(struct muster_hop) == 20, "muster_hop is ABI");

enum muster_mode {
	MUSTER_MODE_FULLNAT = 0,
	MUSTER_MODE_NAT = 1,
	MUSTER_MODE_DR = 2,   /* direct return: the link address alone is written */
	MUSTER_MODE_IPIP = 3, /* IP in IP (RFC 2003, RFC 2473, RFC 4213) */
	MUSTER_MODE_GUE = 4,  /* generic UDP encapsulation, version 0 (draft-ietf-intarea-gue) */
};

/* A scheduler is a table, built by the agent, and an index into it, taken by the program (bpf/pick.h). */
enum muster_scheduler {
	MUSTER_SCHEDULER_ROUND_ROBIN = 0,       /* smooth weighted table, next turn */
	MUSTER_SCHEDULER_MAGLEV = 1,            /* Maglev table, hash of the flow */
	MUSTER_SCHEDULER_SOURCE = 2,            /* Maglev table, hash of the client's address */
	MUSTER_SCHEDULER_LEAST_CONNECTIONS = 3, /* smooth weighted table, the better of two slots */
};

enum muster_on_empty {
	MUSTER_ON_EMPTY_REJECT = 0,
	MUSTER_ON_EMPTY_DROP = 1,
	MUSTER_ON_EMPTY_PASS = 2,
};

enum muster_on_down {
	MUSTER_ON_DOWN_RESET = 0,
	MUSTER_ON_DOWN_KEEP = 1,
};

struct muster_service {
	char name[MUSTER_NAME_SIZE];
	struct muster_addr addr;
	__be16 port;
	__u8 proto;
	__u8 mode;      /* enum muster_mode */
	__u8 scheduler; /* enum muster_scheduler */
	__u8 on_empty;  /* enum muster_on_empty */
	__u8 on_down;   /* enum muster_on_down */
	__u8 used;      /* 0: a free record */
	__u8 observe;   /* 1: plain HTTP/1.x, whose responses' status classes are counted */
	__u8 zero[7];
};
_Static_assert(sizeof(struct muster_service) == 64, "muster_service is ABI");

/* What the agent made of a server, for people with bpftool and for the agent that comes back. */
enum muster_server_state {
	MUSTER_SERVER_FREE = 0,    /* a free record; its generation was raised */
	MUSTER_SERVER_UNKNOWN = 1, /* no check has ended yet */
	MUSTER_SERVER_UP = 2,
	MUSTER_SERVER_SLOW = 3, /* checks time out while packets are answered */
	MUSTER_SERVER_DOWN = 4,
};

/*
 * One server of one service (a machine in two pools has two records). A flow belongs to (index,
 * generation): raising the generation ends every flow of the server at its next packet.
 */
struct muster_server {
	char name[MUSTER_NAME_SIZE];
	struct muster_addr addr;
	__be16 port;  /* 0: the one that the client asked for */
	__u8 state;   /* enum muster_server_state */
	__u8 sources; /* entries used of source[]; fullnat, ipip and gue need at least one */
	__u32 generation;
	__u32 service; /* service index */
	__u32 mtu;     /* of the way to it, IP bytes; 0: not known */
	struct muster_hop hop;
	__u32 max_flows;        /* live flows at most; 0: no limit */
	__u32 weight_declared;  /* 1/100 weight */
	__u32 weight_effective; /* 1/100 weight; 0: in no pick */
	struct muster_addr source[MUSTER_MAX_SOURCES];
	__u8 room[32]; /* three cache lines, of which a packet reads two */
};
_Static_assert(sizeof(struct muster_server) == 192, "muster_server is ABI");

/*
 * Picks: a service's table, an inner array of __u64 with at least 2 + len elements. The turn counter
 * lives in the table that it counts, so a swap exchanges slots, length and turn in one step.
 * Turn t of the table goes to slot t % len. The kernel takes an inner map of any size whose map_flags are
 * BPF_F_INNER_MAP and nothing else.
 */
enum muster_picks_layout {
	MUSTER_PICKS_LEN = 0,  /* number of slots; 0: nobody may be picked */
	MUSTER_PICKS_TURN = 1, /* turns taken so far, by the program, atomically */
	MUSTER_PICKS_SLOT = 2, /* first slot: a server index */
};

struct muster_port_range {
	__u16 first; /* host order */
	__u16 count;
};

struct muster_config {
	__u32 abi;         /* MUSTER_ABI; 0: no agent has written yet */
	__u32 ticks_per_s; /* the kernel's HZ */
	__u64 secret
		[MUSTER_SECRET_WORDS];  /* keys every hash; drawn once, kept over upgrades; the last one tells that */
	__u32 timeout[MUSTER_TIMEOUTS]; /* beats, by enum muster_flow_state (flow.h) */
	__u32 hop_stale;                /* ticks after which a server's hop is looked up in the FIB */
	__u32 resets_per_s;             /* limit on no_flow answers, per CPU */
	struct muster_port_range ports[2]; /* fullnat source ports, outside the host's own range; for the agent */
	__u32 table;                       /* enum muster_table: where proven flows go */
	__u32 bucket_mask[MUSTER_MASKS];   /* by enum muster_table: buckets less one, a power of two each */
	__u32 zero;
	/*
	 * By muster_address_bit(): no service's address, and no source of a fullnat server, falls on a bit of stranger_to; no
	 * server's address of a nat service on one of stranger_from. A packet with both is for nobody here. 0: not known.
	 */
	__u64 stranger_to[MUSTER_STRANGER_WORDS];
	__u64 stranger_from[MUSTER_STRANGER_WORDS];
};
_Static_assert(sizeof(struct muster_config) == 256, "muster_config is ABI");

/* Per CPU; a reader adds the CPUs up. "in" is toward the server, bytes are those of the frame as received. */
struct muster_stats {
	__u64 packets_in; /* by enum muster_dir: a muster_traffic each */
	__u64 bytes_in;
	__u64 packets_out;
	__u64 bytes_out;
	__u64 flows_new;    /* turns taken */
	__u64 flows_closed; /* first FIN or RST of a flow */
	__u64 refused;      /* packets answered with REFUSE */
	__u64 dropped;
};
_Static_assert(sizeof(struct muster_stats) == 64, "muster_stats is ABI");

struct muster_traffic {
	__u64 packets;
	__u64 bytes;
};

/*
 * What a server's own packets tell about it, per CPU (bpf/observe.h). Seen in fullnat and nat only.
 */
#define MUSTER_HANDSHAKES 16

struct muster_signals {
	__u64 answered;                     /* SYNs that the server answered with SYN/ACK */
	__u64 refused;                      /* SYNs that it answered with RST, or ICMP */
	__u64 repeated;                     /* SYNs sent again by their clients before an answer */
	__u64 resets;                       /* flows that it reset after their handshake */
	__u64 status[6];                    /* HTTP/1.x responses by the first digit of their status; 0: odd ones */
	__u64 errors;                       /* of these 5xx: at most one a client address and second */
	__u64 handshake[MUSTER_HANDSHAKES]; /* SYN to SYN/ACK, 2^(i+5) to 2^(i+6) us, the ends open; one flow in 8 */
};
_Static_assert(sizeof(struct muster_signals) == 216, "muster_signals is ABI");

/* One for all CPUs: half-open flows are given up before their time, so server and port follow from the tuple's hash. */
struct muster_flood {
	__u32 until; /* tick; 0: never */
	__u32 zero;
	__u64 evicted; /* half-open flows given up within a second of their SYN */
};
_Static_assert(sizeof(struct muster_flood) == 16, "muster_flood is ABI");

/* A datagram in pieces: those behind the first have no ports, and follow its flow. */
struct muster_fragment {
	struct muster_addr src;
	struct muster_addr dst;
	__u32 id;
	__u8 proto;
	__u8 zero[3];
};
_Static_assert(sizeof(struct muster_fragment) == 40, "muster_fragment is ABI");

/*
 * Packets that an egress interface did not take, since the agent started. error is the kernel's -errno; 0: its transmit
 * queue or ring had no room.
 */
struct muster_failure_key {
	__u32 ifindex;
	__s32 error;
};
_Static_assert(sizeof(struct muster_failure_key) == 8, "muster_failure_key has no hidden padding");

struct muster_failure {
	__u64 packets;
	__u64 last_ns; /* CLOCK_BOOTTIME */
};
_Static_assert(sizeof(struct muster_failure) == 16, "muster_failure has no hidden padding");

/* Where the running kernel keeps what bpf/failures.h reads: bytes from the start of its structures. */
struct muster_offsets {
	__u32 prog_aux;         /* bpf_prog: its bpf_prog_aux */
	__u32 aux_used_maps;    /* bpf_prog_aux: array of pointers to the maps that it uses */
	__u32 aux_used_map_cnt; /* and how many */
	__u32 dev_ifindex;      /* net_device */
	__u32 dev_native_prog;  /* net_device: the program in native mode */
	__u32 dev_native_link;  /* net_device: or the bpf_xdp_link that holds it */
	__u32 link_prog;        /* bpf_xdp_link: its program */
	__u32 zero;
};
_Static_assert(sizeof(struct muster_offsets) == 32, "muster_offsets has no hidden padding");

#define MUSTER_LIMITED_N 4 /* answers, events, unknown neighbours, signals: each has room of its own */

struct muster_limits {
	__u32 second_start; /* tick */
	__u32 used[MUSTER_LIMITED_N];
};

#endif
