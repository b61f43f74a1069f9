// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include <fcntl.h>

#include "config/check.h"
#include "config/default.h"
#include "config/read.h"

void config_free(struct config **config)
{
	if (*config) {
		schema_clear(&schema_file, *config);
		free((*config)->file);
	}
	free(*config);
	*config = NULL;
}

static void faults_clearp(struct faults *faults)
{
	faults_clear(faults);
}

int config_parse(const char *text, size_t length, const char *name, FILE *faults_out, struct config **out)
{
	_cleanup_(faults_clearp) struct faults faults = {};
	_cleanup_(config_free) struct config *config = calloc(1, sizeof(*config));
	_cleanup_(tree_free) struct tree *root = NULL;
	int r = -ENOMEM;

	if (config)
		config->file = strdup(name);
	if (config && config->file)
		r = tree_parse(text, length, &faults, &root);
	if (!r)
		r = config_read(&schema_file, root, config, &faults);
	if (!r)
		r = config_default(config, root);
	if (!r)
		r = config_check(config, root, &faults);
	faults.no_memory |= r == -ENOMEM;
	faults_print(&faults, name, faults_out);
	if (faults.no_memory)
		return -ENOMEM;
	if (r < 0 || faults.n)
		return r < 0 ? r : -EINVAL;
	*out = TAKE_PTR(config);
	return 0;
}

char *config_folder(const char *text, const char *key)
{
	const struct schema_key *schema = schema_find(&schema_file, key);
	char start[32];
	const int length = snprintf(start, sizeof(start), "\n%s:", schema->name);
	const char *line = strncmp(text, start + 1, (size_t)length - 1) ? strstr(text, start) : text;
	_cleanup_(faults_clearp) struct faults faults = {};
	_cleanup_(tree_free) struct tree *root = NULL;
	const struct tree *dir = NULL;

	/* The line by itself: what is wrong elsewhere does not matter. */
	line += line && *line == '\n';
	if (line && !tree_parse(line, strcspn(line, "\n"), &faults, &root))
		dir = tree_get(root, schema->name);
	if (dir && dir->kind == TREE_TEXT && *dir->text == '/')
		return strdup(dir->text);
	return strdup(schema->fallback);
}

/* The whole file, at most one byte more than is allowed (so that the parser can say so). */
static int read_file(int fd, char **out, size_t *length)
{
	_cleanup_(freep) char *text = malloc(YAML_MOST_BYTES + 1);
	size_t used = 0;

	if (!text)
		return -ENOMEM;
	while (used <= YAML_MOST_BYTES) {
		ssize_t n = read(fd, text + used, YAML_MOST_BYTES + 1 - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		used += n;
	}
	*out = TAKE_PTR(text);
	*length = used;
	return 0;
}

int config_load(const char *file, FILE *faults, struct config **out)
{
	_cleanup_(freep) char *text = NULL;
	_cleanup_(closep) int fd = open(file, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	int r = fd < 0 ? -errno : read_file(fd, &text, &length);

	if (r < 0) {
		fprintf(faults, "%s: reading the configuration failed: %s: name a file that can be read\n", file,
			strerror(-r));
		return r;
	}
	return config_parse(text, length, file, faults, out);
}

int memory_conf_copy(struct memory_conf *to, const struct memory_conf *from)
{
	struct memory_conf copy = {};

	for (const struct schema_key *key = schema_memory.keys; key->name; key++) {
		if (schema_copy(key, &copy, from) < 0) {
			schema_clear(&schema_memory, &copy);
			return -ENOMEM;
		}
	}
	*to = copy;
	return 0;
}

int server_conf_default(const struct service_conf *service, struct server_conf *out)
{
	struct server_conf server = {.weight = 1};
	int r = memory_conf_copy(&server.memory, &service->memory);

	if (r < 0)
		return r;
	*out = server;
	return 0;
}

void server_conf_clear(struct server_conf *server)
{
	schema_clear(&schema_server, server);
	*server = (struct server_conf){};
}

int service_conf_add(struct service_conf *service, struct server_conf *server)
{
	struct server_conf *servers = reallocarray(service->servers, service->n_servers + 1, sizeof(*servers));

	if (!servers)
		return -ENOMEM;
	service->servers = servers;
	servers[service->n_servers++] = *server;
	*server = (struct server_conf){};
	return 0;
}

void service_conf_remove(struct service_conf *service, size_t index)
{
	server_conf_clear(&service->servers[index]);
	service->n_servers--;
	memmove(&service->servers[index], &service->servers[index + 1],
		(service->n_servers - index) * sizeof(*service->servers));
}

static const char *choice_name(const char *key, int value)
{
	for (const struct schema_choice *choice = schema_find(&schema_service, key)->choices; choice->name; choice++)
		if (choice->value == value)
			return choice->name;
	return "";
}

const char *config_mode_name(enum muster_mode mode)
{
	return choice_name("mode", mode);
}

const char *config_scheduler_name(enum muster_scheduler scheduler)
{
	return choice_name("scheduler", scheduler);
}

const char *config_on_memory_name(bool recycles)
{
	return choice_name("on_memory", recycles);
}

bool config_mode_tunnels(enum muster_mode mode)
{
	return mode == MUSTER_MODE_IPIP || mode == MUSTER_MODE_GUE;
}

bool config_mode_returns_direct(enum muster_mode mode)
{
	return mode == MUSTER_MODE_DR || config_mode_tunnels(mode);
}

const char *config_receiver_type_name(enum receiver_type type)
{
	for (const struct schema_choice *choice = schema_find(&schema_receiver, "type")->choices; choice->name;
	     choice++)
		if (choice->value == (int)type)
			return choice->name;
	return "";
}

bool config_receiver_is_http(enum receiver_type type)
{
	return type != RECEIVER_SMTP && type != RECEIVER_EXEC;
}

const char *config_name_fault(const char *text)
{
	return value_name_fault(text);
}
