/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * muster-responder's connections: a fixed number in static memory, one epoll loop. Why no HTTP library: this program
 * must answer while its host is out of memory, and libmicrohttpd allocates for every connection and answer.
 */
#ifndef MUSTER_RESPONDER_SERVE_H
#define MUSTER_RESPONDER_SERVE_H

#include <muster/maps.h>

#include "source.h"

#define RESPONDER_LISTENERS   8
#define RESPONDER_CONNECTIONS 64
#define RESPONDER_IDLE_MS     5000

enum responder_speech { RESPONDER_HTTP, RESPONDER_AGENT };

/* Opens a listening socket. -ENOSPC when there are RESPONDER_LISTENERS already, else what the kernel said. */
int responder_listen(enum responder_speech speech, const struct muster_addr *addr, uint16_t port);
/* Serves for ever; returns -errno only when epoll itself fails. */
int responder_serve(const struct responder_source *source);

#endif
