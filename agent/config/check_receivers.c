// SPDX-License-Identifier: GPL-2.0-or-later
#include "check.h"

/* Which keys a type needs (n), may have (y), or has no use for (-). */
struct use {
	const char *key;
	char of[8];
};

/* clang-format off */
static const struct use uses[] = {
	/*                 webhook slack pagerduty alertmanager smtp exec heartbeat */
	{"url_file",      {'y',    'y',  'y',      'y',         'y', '-', 'y'}},
	{"ca_file",       {'y',    'y',  'y',      'y',         'y', '-', 'y'}},
	{"secret_file",   {'y',    '-',  'n',      'y',         'y', '-', 'y'}},
	{"command",       {'-',    '-',  '-',      '-',         '-', 'n', '-'}},
	{"user",          {'-',    '-',  '-',      '-',         'y', '-', '-'}},
	{"from",          {'-',    '-',  '-',      '-',         'n', '-', '-'}},
	{"to",            {'-',    '-',  '-',      '-',         'n', '-', '-'}},
	{"interval",      {'-',    '-',  '-',      '-',         '-', '-', 'y'}},
};
/* clang-format on */

struct context {
	const struct receiver_conf *receiver;
	const struct tree *node;
	struct faults *faults;
};

#define fault_at(context, tree, ...) fault_add((context)->faults, (tree)->line, (tree)->column, __VA_ARGS__)

static void check_keys(const struct context *c)
{
	const char *type = config_receiver_type_name(c->receiver->type);

	for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
		const struct tree *at = tree_get(c->node, uses[i].key);
		char use = uses[i].of[c->receiver->type];

		if (at && use == '-')
			fault_at(c, at, "a receiver of type %s has no use for %s: remove it", type, uses[i].key);
		if (!at && use == 'n')
			fault_at(c, c->node, "a receiver of type %s has no '%s': add it", type, uses[i].key);
	}
}

static void check_url(const struct context *c)
{
	const char *type = config_receiver_type_name(c->receiver->type), *url = c->receiver->url;
	const struct tree *at = tree_get(c->node, "url"), *file = tree_get(c->node, "url_file");
	bool mail = c->receiver->type == RECEIVER_SMTP;

	if (c->receiver->type == RECEIVER_EXEC) {
		if (at)
			fault_at(c, at, "a receiver of type exec has no use for url: remove it");
		return;
	}
	if (at && file)
		fault_at(c, file, "url and url_file both say where: keep one");
	if (!url && !file && !at)
		fault_at(c, c->node, "a receiver of type %s has no 'url': add it, or url_file", type);
	if (!at || at->bad || !url)
		return;
	if (mail ? strncmp(url, "smtp://", 7) && strncmp(url, "smtps://", 8)
		 : strncmp(url, "http://", 7) && strncmp(url, "https://", 8))
		fault_at(c, at, "url of a receiver of type %s begins with %s", type,
			 mail ? "smtp:// or smtps://" : "http:// or https://");
}

static void check_user(const struct context *c)
{
	const struct tree *user = tree_get(c->node, "user"), *secret = tree_get(c->node, "secret_file");

	if (c->receiver->type != RECEIVER_SMTP || !user == !secret)
		return;
	if (user)
		fault_at(c, user, "user without secret_file: add the file that holds its password");
	else
		fault_at(c, secret, "secret_file without user: add the name that the password is for");
}

void config_check_receivers(const struct config *config, const struct tree *root, struct faults *faults)
{
	const struct tree *list = tree_get(root, "receivers");

	for (size_t i = 0; i < config->n_receivers; i++) {
		struct context context = {&config->receivers[i], &list->children[i], faults};

		for (size_t k = 0; k < i && context.receiver->name[0]; k++)
			if (!strcmp(config->receivers[k].name, context.receiver->name)) {
				fault_at(&context, tree_get(context.node, "name"),
					 "receiver '%s' stands twice, first on line %u: give it a name of its own",
					 context.receiver->name, config->receivers[k].line);
				break;
			}
		if (context.node->bad || !tree_given(context.node, "type"))
			continue;
		check_keys(&context);
		check_url(&context);
		check_user(&context);
	}
}
