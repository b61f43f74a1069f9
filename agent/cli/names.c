// SPDX-License-Identifier: GPL-2.0-or-later
#include "names.h"

#include "grammar.h"
#include "render.h"

/* Candidates: a set of names in the order of the status. */
struct names {
	const char **name;
	size_t n;
};

static void names_free(struct names *names)
{
	free(names->name);
}

static int names_put(struct names *names, const char *name)
{
	const char **more;

	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->name[i], name) == 0)
			return 0;
	more = reallocarray(names->name, names->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	names->name = more;
	names->name[names->n++] = name;
	return 0;
}

static void list(FILE *errors, const struct names *names, const char *prefix)
{
	for (size_t i = 0; i < names->n; i++)
		if (strncmp(names->name[i], prefix, strlen(prefix)) == 0)
			fprintf(errors, " %s", names->name[i]);
	fprintf(errors, "\n");
}

static int choose(const struct names *names, const char *what, const char *typed, char out[MUSTER_NAME_SIZE],
		  FILE *errors)
{
	const char *found = NULL;
	size_t fits = 0;

	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->name[i], typed) == 0) {
			found = names->name[i];
			fits = 1;
			break;
		}
		if (*typed && strncmp(names->name[i], typed, strlen(typed)) == 0) {
			found = names->name[i];
			fits++;
		}
	}
	if (fits == 1) {
		snprintf(out, MUSTER_NAME_SIZE, "%s", found);
		return CLI_DONE;
	}
	if (fits > 1) {
		fprintf(errors, "muster: '%s' could be several %ss:", typed, what);
		list(errors, names, typed);
		return CLI_USAGE;
	}
	fprintf(errors, "muster: there is no %s '%s'%s", what, typed, names->n ? "; there are:" : " and no other\n");
	if (names->n)
		list(errors, names, "");
	return CLI_NOT_FOUND;
}

int names_service(const json_t *status, const char *typed, char out[MUSTER_NAME_SIZE], FILE *errors)
{
	_cleanup_(names_free) struct names names = {};
	const json_t *service;
	size_t i;

	json_array_foreach(json_object_get(status, "services"), i,
			   service) if (names_put(&names, json_text(service, "name")) < 0) return CLI_FAILED;
	return choose(&names, "service", typed, out, errors);
}

int names_server(const json_t *status, const char *typed, struct server_name *out, FILE *errors)
{
	_cleanup_(names_free) struct names names = {};
	const char *slash = strchr(typed, '/');
	const json_t *service, *server;
	struct server_name found = {};
	size_t i, k;

	if (slash) {
		char text[MUSTER_NAME_SIZE * 2];
		int result;

		snprintf(text, sizeof(text), "%.*s", (int)(slash - typed), typed);
		result = names_service(status, text, found.service, errors);
		if (result)
			return result;
		typed = slash + 1;
	}
	json_array_foreach(json_object_get(status, "services"), i, service)
	{
		if (*found.service && strcmp(found.service, json_text(service, "name")) != 0)
			continue;
		json_array_foreach(json_object_get(service, "servers"), k,
				   server) if (names_put(&names, json_text(server, "name")) < 0) return CLI_FAILED;
	}
	i = (size_t)choose(&names, "server", typed, found.server, errors);
	if (i == CLI_DONE)
		*out = found;
	return (int)i;
}
