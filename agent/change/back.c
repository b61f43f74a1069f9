// SPDX-License-Identifier: GPL-2.0-or-later
/* A trial ends: confirmed, rolled back by an operator, by time, or by what the clients' packets say. */
#include "../agent.h"
#include "../clock.h"
#include "change.h"

/* A confirmation on its way to the disk. */
struct confirming {
	struct agent *agent;
	order_done_fn done;
	void *context;
	uint64_t back_to;
	struct order_answer answer;
};

static void say(order_done_fn done, void *context, enum order_result result, const char *message)
{
	struct order_answer answer = {.result = result};

	snprintf(answer.message, sizeof(answer.message), "%s", message);
	done(context, &answer);
}

static void confirmed(void *context, int error)
{
	_cleanup_(freep) struct confirming *confirming = context;
	struct agent *agent = confirming->agent;

	agent->change_saving = false;
	if (error) {
		agent->kept->back_to = confirming->back_to;
		confirming->answer.result = ORDER_REFUSED;
		snprintf(confirming->answer.message, sizeof(confirming->answer.message),
			 "the confirmation could not be saved: %s; the trial goes on", strerror(-error));
	}
	confirming->done(confirming->context, &confirming->answer);
}

void change_confirm(struct agent *agent, const char *owner, order_done_fn done, void *context)
{
	_cleanup_(freep) struct confirming *confirming = calloc(1, sizeof(*confirming));

	if (!confirming || agent->change_saving || !agent->kept->back_to) {
		say(done, context, !confirming ? ORDER_FAILED : ORDER_UNCHANGED,
		    !confirming            ? "out of memory"
		    : agent->change_saving ? "a change is being saved; say it again when that is done"
					   : "no configuration is on trial");
		return;
	}
	*confirming =
		(struct confirming){.agent = agent, .done = done, .context = context, .back_to = agent->kept->back_to};
	snprintf(confirming->answer.message, sizeof(confirming->answer.message), "the configuration of %.200s stays",
		 kept_current(agent->kept)->file);
	snprintf(confirming->answer.undo, sizeof(confirming->answer.undo), "muster rollback");
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_CONFIG,
						  .to = "confirmed",
						  .cause = kept_current(agent->kept)->file,
						  .owner = owner});
	agent->kept->back_to = 0;
	agent->change_saving = true;
	change_save(agent, confirmed, TAKE_PTR(confirming));
}

int change_go_back(struct agent *agent, const char *why, const char *owner, writer_done_fn done, void *context)
{
	const struct kept_config *previous = kept_previous(agent->kept);
	char fault[640], cause[1024];
	int error = previous ? change_enforce(agent, previous->text, fault, sizeof(fault)) : -ENOENT;

	if (previous && !error)
		kept_go_back(agent->kept, previous->id);
	else
		agent->kept->back_to = 0; /* it cannot be had: once said is enough */
	snprintf(cause, sizeof(cause), "%s%s%s", why, error ? "; but: " : "",
		 !error     ? ""
		 : previous ? fault
			    : "there is no earlier one");
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_CONFIG_BACK,
						  .to = error ? "not rolled back" : "rolled back",
						  .cause = cause,
						  .owner = owner});
	change_save(agent, done, context);
	return error;
}

/* A rollback by an operator: it acts at once, and is answered when the disk has it. */
struct going {
	order_done_fn done;
	void *context;
	bool failed;
	bool half; /* done: tried, or answered by the disk */
	int error; /* of the disk */
	struct order_answer answer;
};

/* Both have happened: it was tried, and the disk has answered. */
static void answer_going(struct going *going)
{
	struct order_answer *a = &going->answer;
	size_t used = strlen(a->message);

	if (going->failed) {
		a->result = ORDER_FAILED;
		snprintf(a->message, sizeof(a->message),
			 "the earlier configuration could not be applied; the journal says why");
	} else if (going->error) {
		snprintf(a->message + used, sizeof(a->message) - used,
			 "; not saved: %s, so a restart would bring the other back", strerror(-going->error));
	}
	going->done(going->context, a);
	free(going);
}

static void gone_back(void *context, int error)
{
	struct going *going = context;

	going->error = error;
	if (going->half)
		answer_going(going);
	else
		going->half = true;
}

static void go_back_for(struct agent *agent, const char *owner, struct going *going)
{
	going->failed = change_go_back(agent, "an operator's wish", owner, gone_back, going) < 0;
	/* The disk answers in a later turn of the loop, but for a lack of memory, which is said at once. */
	if (going->half)
		answer_going(going);
	else
		going->half = true;
}

void change_roll_back(struct agent *agent, const char *owner, bool force, order_done_fn done, void *context)
{
	const struct kept_config *previous = kept_previous(agent->kept);
	_cleanup_(change_plan_free) struct change_plan *plan = NULL;
	struct order_answer answer = {.result = ORDER_DONE};
	struct going *going;
	_cleanup_(freep) char *said = NULL;
	size_t length = 0;
	FILE *faults;
	int error;

	if (!previous || agent->change_saving || agent->overlay_saving) {
		say(done, context, previous ? ORDER_REFUSED : ORDER_UNCHANGED,
		    previous ? "a change is being saved; say it again when that is done"
			     : "there is no earlier configuration to go back to");
		return;
	}
	faults = open_memstream(&said, &length);
	error = faults ? change_plan_new(&plan, agent, previous->file, previous->text, faults) : -ENOMEM;
	if (faults)
		fclose(faults);
	if (error) {
		say(done, context, ORDER_FAILED, said && *said ? said : strerror(-error));
		return;
	}
	/* Out of a trial leads no gate: what was there before is what it is measured by. */
	if (!agent->kept->back_to && !gate_passes(agent, &plan->gate, force, owner)) {
		gate_sentence(&plan->gate, answer.message, sizeof(answer.message));
		answer.result = ORDER_REFUSED;
		done(context, &answer);
		return;
	}
	snprintf(answer.message, sizeof(answer.message), "the configuration of %.200s is in force again",
		 previous->file);
	going = calloc(1, sizeof(*going));
	if (!going) {
		say(done, context, ORDER_FAILED, "out of memory");
		return;
	}
	*going = (struct going){.done = done, .context = context, .answer = answer};
	go_back_for(agent, owner, going);
}

void change_tick(struct agent *agent)
{
	struct lease_clock clock = agent_clock(agent);

	if (!agent->kept->back_to || agent->change_saving || agent->overlay_saving)
		return;
	if (lease_left_ms(&agent->kept->end, &clock, agent->state->wall_saved_ms) <= 0)
		change_go_back(agent, "it was not confirmed in time", NULL, NULL, NULL);
}

/* What one server's packets say, in this second. */
static void add_second(struct server *server, uint64_t *flows, uint64_t *failed)
{
	const struct muster_signals *counted = &server->run.counted;
	uint64_t all = counted->refused + counted->repeated + counted->resets + counted->status[5];
	struct server_run *run = &server->run;

	if (run->trial_known && all >= run->trial_failed && run->stats.flows_new >= run->trial_flows) {
		*flows += run->stats.flows_new - run->trial_flows;
		*failed += all - run->trial_failed;
	}
	run->trial_known = true;
	run->trial_failed = all;
	run->trial_flows = run->stats.flows_new;
}

void change_second(struct agent *agent)
{
	bool trial = agent->kept->back_to && agent->trial_since_ms && !agent->change_saving && !agent->overlay_saving;
	unsigned since_s = (unsigned)((clock_now_ms() - agent->trial_since_ms) / 1000);
	char why[320] = "";

	for (size_t i = 0; i < agent->model->n_services; i++) {
		struct service *service = &agent->model->services[i];
		uint64_t flows = 0, failed = 0;
		struct trial_sum now;

		for (size_t k = 0; k < service->n_servers; k++)
			add_second(&service->servers[k], &flows, &failed);
		trial_second(&service->run.trial, flows, failed);
		if (trial && !why[0] && trial_worse(&service->run.trial, since_s, &now))
			snprintf(why, sizeof(why), "%s fails: %.1f %% of %llu new flows, %.1f %% before",
				 service->conf->name, trial_failure_pct(&now), (unsigned long long)now.flows,
				 trial_failure_pct(&service->run.trial.before));
	}
	if (why[0])
		change_go_back(agent, why, NULL, NULL, NULL);
}

bool change_attention(const struct agent *agent, char *out, size_t size)
{
	struct lease_clock clock = agent_clock(agent);

	if (agent->kept->back_to) {
		int64_t left_ms = lease_left_ms(&agent->kept->end, &clock, agent->state->wall_saved_ms);

		snprintf(out, size,
			 "the configuration of %.200s is on trial, and rolled back in %lld s: muster confirm keeps it, "
			 "muster "
			 "rollback ends it now",
			 kept_current(agent->kept)->file, (long long)MAX(left_ms, 0) / 1000);
		return true;
	}
	if (!agent->pending)
		return false;
	snprintf(out, size, "%s", agent->pending);
	return true;
}
