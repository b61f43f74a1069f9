/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one configuration changes in another, server by server. No I/O. */
#ifndef MUSTER_CHANGE_COMPARE_H
#define MUSTER_CHANGE_COMPARE_H

#include <jansson.h>

#include "../config.h"

/* The same service, the same server there: name, address and port. NULL: it has none. */
const struct service_conf *compare_service(const struct config *in, const struct service_conf *service);
const struct server_conf *compare_server(const struct config *in, const struct service_conf *service,
					 const struct server_conf *server);

/* Does the server serve now? */
typedef bool (*compare_serves_fn)(const void *context, const struct service_conf *service,
				  const struct server_conf *server);
/*
 * How many servers that serve now the change takes out: not declared any more, declared elsewhere, or with weight 0. `names`
 * gets "web/web-02, web6/web-02".
 */
size_t compare_taken_out(const struct config *before, const struct config *after, compare_serves_fn serves,
			 const void *context, char *names, size_t size);

/*
 * The services as JSON: per server the change, whether `after` has it from its file (else from a command: muster add), weight
 * and share before and after; what is left without each one; and whether the service would rest on one server. `before`
 * NULL: as if there had been nothing. *single: how many services do.
 */
json_t *compare_json(const struct config *before, const struct config *after, size_t *single);

#endif
