/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The API's JSON documents as text for people. Each takes a document as the agent sends it; a key that is missing or
 * null prints as "-" and never stops the rest. */
#ifndef MUSTER_CLI_RENDER_H
#define MUSTER_CLI_RENDER_H

#include <jansson.h>
#include <stdio.h>

#include "../base.h"
#include "human.h"

struct look {
	FILE *out;
	size_t width; /* columns; 0: no limit */
	bool color;
};

void render_status(const struct look *look, const json_t *status);
void render_services(const struct look *look, const json_t *status);
void render_servers(const struct look *look, const json_t *status);
void render_server(const struct look *look, const json_t *document);
void render_leases(const struct look *look, const json_t *document);
void render_flows(const struct look *look, const json_t *document);
void render_picks(const struct look *look, const json_t *document);
/* Those that a packet met, and with `_all` the others too. */
void render_verdicts(const struct look *look, const json_t *document);
void render_verdicts_all(const struct look *look, const json_t *document);
/* The signals of a server, or of all, as one sentence without its end. */
void render_signals_text(const json_t *signals, char *text, size_t size);
void render_stats(const struct look *look, const json_t *document);
void render_events(const struct look *look, const json_t *document);
void render_audit(const struct look *look, const json_t *document);
/* As Markdown; `picture`: the file beside it that holds the chart, or NULL. */
void render_postmortem(const struct look *look, const json_t *document, const char *picture);
/* The chart of a post-mortem, as SVG. False: there is nothing to draw. */
bool render_chart(FILE *out, const json_t *document);
void render_alerts(const struct look *look, const json_t *document);
void render_plan(const struct look *look, const json_t *document);
void render_why(const struct look *look, const json_t *document);
/* One event as a line. */
void render_event(const struct look *look, const json_t *event, int64_t now_ms);
/* What a changing call answered: before -> after, how to undo it. Refusals and failures go to `errors`. */
void render_change(const struct look *look, FILE *errors, const json_t *document);

struct table;

/* For the renderers. */
/* "1", or "1>0.73" where the weight in effect is not the declared one. */
void table_set_weight(struct table *table, size_t column, const json_t *weight);
const char *json_text(const json_t *object, const char *key); /* "" when missing */
double json_figure(const json_t *object, const char *key);    /* 0 when missing */
bool json_known(const json_t *object, const char *key);       /* there, and not null */
/* The colour of a state's word, or NULL. */
const char *state_color(const struct look *look, const char *state);
/* The word, coloured. */
void render_state(const struct look *look, const char *state);
/* "10.0.0.1:80/tcp", "[fd00::1]:80/tcp", without the port where it is 0. */
const char *render_address(const json_t *object, char *buf, size_t n);
/* Live flows; "-": not known. */
const char *render_live(const json_t *object, char buf[static HUMAN_SIZE]);
void render_attention(const struct look *look, const json_t *sentences);

#endif
