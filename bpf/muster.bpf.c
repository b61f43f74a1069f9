/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Muster's XDP program: a table of contents. Each stage is the header of its name, in the order in which a packet
 * meets them; it returns 0 to go on, or a negative verdict. Only finish() counts, reports and acts. What the kernel drops
 * after that is counted by failures.h, programs of their own.
 */
#include "parse.h"
#include "follow.h"
#include "service.h"
#include "admit.h"
#include "pick.h"
#include "claim.h"
#include "create.h"
#include "icmp.h"
#include "fragment.h"
#include "egress.h"
#include "rewrite.h"
#include "finish.h"
#include "express.h"
#include "opening.h"
#include "failures.h"
#include "about.h"

/* A packet without a flow: opens one, or has a reason why not. */
static __always_inline int open_flow(struct xdp_md *ctx, struct packet *p)
{
	return service(ctx, p) ?: admit(ctx, p) ?: pick(p) ?: claim(p) ?: create(ctx, p) ?: take_opened(p);
}

/* A packet with ports of its own. */
static __always_inline int ordinary(struct xdp_md *ctx, struct packet *p)
{
	if (opens_flow(p) && opened_at_once(ctx, p))
		return hold(p) ? 0 : -MUSTER_VERDICT_RACED;
	return follow(ctx, p)
	       ?: (p->slot.flow ? 0 : open_flow(ctx, p))
	       ?: (p->first_fragment ? remember(ctx, p->l3_offset, p->ref) : 0);
}

/* One without, for the reason that parse() gave, may still belong to a flow: then it is rewritten here, in its own way. */
static __always_inline int stray(struct xdp_md *ctx, struct packet *p, int verdict)
{
	if (verdict == -MUSTER_VERDICT_NOT_TRANSPORT)
		verdict = icmp(ctx, p);
	else if (verdict == -MUSTER_VERDICT_FRAGMENT)
		verdict = fragment(ctx, p);
	if (verdict)
		return verdict;
	p->rewritten = 1;
	return hold(p) ? 0 : -MUSTER_VERDICT_RACED;
}

static __always_inline int forward(struct xdp_md *ctx, struct packet *p)
{
	int verdict = parse(ctx, p);

	if (verdict == -MUSTER_VERDICT_FRAGMENT && p->first_fragment)
		verdict = 0;
	return (verdict ? stray(ctx, p, verdict) : ordinary(ctx, p)) ?: egress(ctx, p) ?: rewrite(ctx, p);
}

/* Every packet that is no express one. What is known of it is laid out here, and not before: that costs a few nanoseconds. */
static __always_inline int whole_way(struct xdp_md *ctx)
{
	struct packet p = {
		.ingress = ctx->ingress_ifindex,
		.ref = MUSTER_NOWHERE,
		.service_index = NONE,
		.server_index = NONE,
		.old_port.server = PORT_OF_NOBODY,
	};

	return finish(ctx, &p, forward(ctx, &p));
}

static __always_inline int balance(struct xdp_md *ctx)
{
	int action = express(ctx);

	if (action != NOT_EXPRESS)
		return action;
	return whole_way(ctx);
}

SEC("xdp")
int muster(struct xdp_md *ctx)
{
	return balance(ctx);
}

/* The same for interfaces whose frames do not fit a page; headers stand in the first piece all the same. */
SEC("xdp.frags")
int muster_frags(struct xdp_md *ctx)
{
	return balance(ctx);
}

char _license[] SEC("license") = "GPL";
