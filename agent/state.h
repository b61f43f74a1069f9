/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the agent must remember by itself over a restart: orders, and servers added to or taken out of the declared
 * layer by command (the overlay). Health is not here: it is read back from the kernel's maps.
 */
#ifndef MUSTER_STATE_H
#define MUSTER_STATE_H

#include "base.h"
#include "config.h"
#include "policy/lease.h"

struct overlay {
	bool remove; /* else: add */
	char service[MUSTER_NAME_SIZE];
	char server[MUSTER_NAME_SIZE];
	struct muster_addr addr; /* add */
	uint16_t port;           /* 0: the service's */
	uint32_t weight;
	char owner[LEASE_OWNER_SIZE];
	int64_t wall_ms;
};

struct state {
	uint64_t next_id;      /* of orders: above every id in use */
	int64_t wall_saved_ms; /* when it was last saved */
	struct order *orders;
	size_t n_orders;
	struct overlay *overlays;
	size_t n_overlays;
};

/* From the state file's text (NULL: none yet, an empty state). -EINVAL with `why` when it is damaged. */
int state_parse(const char *text, struct state **out, char *why, size_t n);
/* As text, owned by the caller. */
char *state_format(const struct state *state);
void state_free(struct state **state);

/* Appends a copy; next_id is raised above its id. */
int state_add_order(struct state *state, const struct order *order);
void state_drop_order(struct state *state, size_t index);
int state_add_overlay(struct state *state, const struct overlay *overlay);
void state_drop_overlay(struct state *state, size_t index);

/*
 * Applies the overlay to a freshly read configuration. Entries that no longer fit (their service is gone, the file
 * declares the server by now, it would not fit the service) are left out, one sentence a line in `notes`, and stay in
 * the state. 0 or -ENOMEM.
 */
int state_apply_overlay(const struct state *state, struct config *config, FILE *notes);

#endif
