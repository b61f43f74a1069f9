// SPDX-License-Identifier: GPL-2.0-or-later
/* Which configuration to start with: the file's, or the one that was in force. */
#include "../agent.h"
#include "../clock.h"
#include "../log.h"
#include "change.h"
#include "compare.h"

/* A server with new flows in the maps. After a reboot they are empty: then whoever was in force counts. */
static bool serves_in_maps(const void *context, const struct service_conf *service, const struct server_conf *server)
{
	const struct kernel_snapshot *snapshot = context;

	for (size_t i = 0; i < snapshot->n_servers; i++) {
		const struct muster_server *record = &snapshot->servers[i].record;

		if (!strcmp(record->name, server->name) && address_equal(&record->addr, &server->addr) &&
		    record->weight_effective)
			for (size_t k = 0; k < snapshot->n_services; k++)
				if (snapshot->services[k].index == record->service &&
				    !strcmp(snapshot->services[k].record.name, service->name))
					return true;
	}
	return !snapshot->n_servers;
}

/* How many servers that serve now the file takes out of what was in force; what cannot be told counts as none. */
static size_t taken_out(struct agent *agent, const char *was, const char *file_text, char *names, size_t size)
{
	_cleanup_(kernel_snapshot_free) struct kernel_snapshot *snapshot = NULL;
	_cleanup_(config_free) struct config *before = NULL, *after = NULL;
	FILE *nowhere = fopen("/dev/null", "we");
	size_t n = 0;

	if (nowhere && !agent_read(agent, agent->file, was, nowhere, &before) && before->protections &&
	    !agent_read(agent, agent->file, file_text, nowhere, &after) && !kernel_snapshot(agent->kernel, &snapshot))
		n = compare_taken_out(before, after, serves_in_maps, snapshot, names, size);
	if (nowhere)
		fclose(nowhere);
	return n;
}

/* What is kept still has to make sense to this version; else the file's is all there is. */
static bool still_good(struct agent *agent, const struct kept_config *config)
{
	_cleanup_(config_free) struct config *read = NULL;

	return config && !agent_read(agent, config->file, config->text, stderr, &read);
}

static void miss_confirmation(struct agent *agent)
{
	struct lease_clock clock = agent_clock(agent);
	struct kept *kept = agent->kept;

	if (!kept->back_to || lease_left_ms(&kept->end, &clock, agent->state->wall_saved_ms) > 0)
		return;
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_CONFIG_BACK,
						  .to = "rolled back",
						  .cause = "it was not confirmed in time, while musterd was away"});
	kept_go_back(kept, kept->back_to);
	change_save(agent, NULL, NULL);
}

/* The file stays where it is, and what was in force runs on. */
static void hold_back(struct agent *agent, const char *names)
{
	if (asprintf(&agent->pending,
		     "%s was edited while musterd was away, and takes out %s, in service until then: the configuration "
		     "before runs on; muster plan %s shows the change, muster apply %s --confirm-within 5m takes it",
		     agent->file, names, agent->file, agent->file) < 0)
		agent->pending = NULL;
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_CONFIG_PENDING,
						  .to = "held back",
						  .cause = agent->pending ? agent->pending : agent->file});
}

/* Takes the file's text. */
static int take_file(struct agent *agent, const char *file_text)
{
	const struct kept_config *current = kept_current(agent->kept);
	int error = 0;

	agent->kept->file_print = kept_print(file_text);
	if (!current || strcmp(current->text, file_text))
		error = kept_push(agent->kept, agent->file, file_text, "its start", clock_wall_ms());
	if (!error)
		change_save(agent, NULL, NULL);
	return error;
}

/* A slip in a file must not keep the balancer from its work, least of all after a power cut. */
static void hold_faulty(struct agent *agent, const char *faults)
{
	change_hold(agent, false, faults);
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_CONFIG_PENDING,
						  .to = "held back",
						  .cause = agent->pending ? agent->pending : agent->file});
}

static int decide(struct agent *agent, const char *file_text, const char *faults)
{
	const struct kept_config *current = kept_current(agent->kept);
	bool edited = kept_print(file_text) != agent->kept->file_print;
	char names[256];

	if (!still_good(agent, current))
		return faults ? -EINVAL : take_file(agent, file_text);
	if (faults) {
		hold_faulty(agent, faults);
		return 0;
	}
	if (!edited)
		return 0;
	if (agent->kept->back_to)
		return 0; /* the trial goes on; what is in the file is for a reload afterwards */
	if (strcmp(current->text, file_text) && taken_out(agent, current->text, file_text, names, sizeof(names))) {
		hold_back(agent, names);
		return 0;
	}
	return take_file(agent, file_text);
}

int change_last(const struct agent *agent, const char *file_text, struct config **out)
{
	_cleanup_(freep) char *dir = config_folder(file_text, "state"), *text = NULL;
	_cleanup_(kept_free) struct kept *kept = NULL;
	const struct kept_config *current;
	int error = dir ? writer_read(dir, WRITER_CONFIGS, &text) : -ENOMEM;

	if (!error)
		error = kept_parse(text, &kept);
	if (error)
		return error;
	current = kept_current(kept);
	return current ? agent_read(agent, current->file, current->text, stderr, out) : -ENOENT;
}

int change_start(struct agent *agent, const char *dir, const char *file_text, const char *faults, char **out)
{
	_cleanup_(freep) char *text = NULL;
	int error = writer_read(dir, WRITER_CONFIGS, &text);

	if (!error)
		error = kept_parse(text, &agent->kept);
	if (error == -EINVAL) {
		log_warning("%s/configs.json cannot be read: the file counts, and there is nothing to go back to", dir);
		error = kept_new(&agent->kept);
	}
	if (error)
		return error;
	miss_confirmation(agent);
	error = decide(agent, file_text, faults);
	if (error)
		return error;
	*out = strdup(kept_current(agent->kept)->text);
	return *out ? 0 : -ENOMEM;
}
