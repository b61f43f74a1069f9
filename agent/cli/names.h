/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what was typed for a server or a service to its name, by the agent's status. */
#ifndef MUSTER_CLI_NAMES_H
#define MUSTER_CLI_NAMES_H

#include <jansson.h>
#include <muster/maps.h>
#include <stdio.h>

#include "../base.h"

struct server_name {
	char service[MUSTER_NAME_SIZE]; /* "": in every service that has it */
	char server[MUSTER_NAME_SIZE];
};

/*
 * "web-02", an unambiguous beginning of it, or either after "SERVICE/" (abbreviated likewise). The exact name wins.
 * Returns an exit status: 0; 4 nothing fits, 1 several do, with the candidates on `errors`.
 */
int names_server(const json_t *status, const char *typed, struct server_name *out, FILE *errors);
int names_service(const json_t *status, const char *typed, char out[MUSTER_NAME_SIZE], FILE *errors);

#endif
