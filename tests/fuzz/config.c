// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text as a configuration: refused with a fault in words, or accepted whole. */
#include <assert.h>
#include <stdio.h>

#include "address.h"
#include "config.h"

static void holds(const struct config *config)
{
	size_t servers = 0;

	assert(config->state_dir && config->socket && config->group && config->pins);
	assert(config->flows >= 1024 && config->flows <= 16 << 20);
	assert(config->n_services <= MUSTER_MAX_SERVICES && config->n_interfaces <= CONFIG_MAX_INTERFACES);
	for (size_t i = 0; i < config->n_services; i++) {
		const struct service_conf *service = &config->services[i];

		assert(!config_name_fault(service->name) && !address_is_special(&service->addr));
		assert(service->n_source <= MUSTER_MAX_SOURCES);
		assert(*config_mode_name(service->mode) && *config_scheduler_name(service->scheduler));
		assert(!service->observe || !config_mode_returns_direct(service->mode));
		assert(service->check.n_status >= 1 && service->check.n_status <= CHECK_STATUS_RANGES);
		assert(service->check.timeout_ms && service->check.timeout_ms <= service->check.interval_ms);
		assert(service->check.fast_interval_ms &&
		       service->check.fast_interval_ms <= service->check.interval_ms);
		servers += service->n_servers;
		for (size_t j = 0; j < service->n_servers; j++) {
			const struct server_conf *server = &service->servers[j];

			assert(!config_name_fault(server->name) && server->weight <= SERVER_WEIGHT_MAX);
			/* What the server's address must be of the family of: the service's, or the tunnel's source. */
			const struct muster_addr *like = !config_mode_tunnels(service->mode) ? &service->addr
							 : service->n_source                 ? &service->source[0]
											     : &server->addr;

			assert(address_is_v4(&server->addr) == address_is_v4(like));
			assert(!config_mode_returns_direct(service->mode) || !server->port ||
			       server->port == service->port);
			assert(server->memory.soft_pct > server->memory.hard_pct);
			assert(server->memory.stale_after_ms > server->memory.interval_ms);
			assert(server->memory.source == MEMORY_NONE || server->memory.port);
		}
	}
	assert(servers <= MUSTER_MAX_SERVERS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(config_free) struct config *config = NULL;
	_cleanup_(freep) char *said = NULL;
	size_t length = 0;
	FILE *faults = open_memstream(&said, &length);
	int r = config_parse((const char *)data, size, "fuzz", faults, &config);

	fclose(faults);
	assert(r == 0 || r == -EINVAL);
	assert(!r == !!config && !r == !length);
	assert(r == 0 || !strncmp(said, "fuzz:", 5));
	if (config)
		holds(config);
	return 0;
}
