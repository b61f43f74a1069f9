// SPDX-License-Identifier: GPL-2.0-or-later
/* A configuration comes into force: checked, kept on disk, applied, answered; in this sequence. */
#include "change.h"

#include "../agent.h"
#include "../clock.h"
#include "../orders/book.h"

/* A configuration on its way to the disk, and what to go back to if the disk refuses. */
struct changing {
	struct agent *agent;
	order_done_fn done;
	void *context;
	struct kept *before;
	int64_t confirm_ms;
	char *text, *file, *owner;
	struct order_answer answer;
};

static void changing_free(struct changing **changing)
{
	if (!*changing)
		return;
	kept_free(&(*changing)->before);
	free((*changing)->text);
	free((*changing)->file);
	free((*changing)->owner);
	freep(changing);
}

static void answer(order_done_fn done, void *context, enum order_result result, const char *message)
{
	struct order_answer answer = {.result = result};

	snprintf(answer.message, sizeof(answer.message), "%s", message);
	done(context, &answer);
}

void change_save(struct agent *agent, writer_done_fn done, void *context)
{
	_cleanup_(freep) char *text = kept_format(agent->kept);

	if (text)
		writer_replace(agent->writer, WRITER_CONFIGS, text, done, context);
	else if (done)
		done(context, -ENOMEM);
}

int change_enforce(struct agent *agent, const char *text, char *why, size_t size)
{
	_cleanup_(freep) char *said = NULL, *copy = strdup(text);
	size_t length = 0;
	FILE *faults = open_memstream(&said, &length);
	int error = copy && faults ? agent_apply(agent, copy, faults) : -ENOMEM;

	if (faults)
		fclose(faults);
	snprintf(why, size, "%s", said && *said ? said : strerror(-error));
	if (error)
		return error;
	free(TAKE_PTR(agent->pending));
	error = agent_turn(agent);
	if (agent->begun)
		agent_attach_interfaces(agent);
	return error;
}

/* A trial begins: each service remembers how it was. */
static void begin_trial(struct agent *agent)
{
	for (size_t i = 0; i < agent->model->n_services; i++)
		trial_begin(&agent->model->services[i].run.trial);
	agent->trial_since_ms = clock_now_ms();
}

static void kept_on_disk(void *context, int error)
{
	_cleanup_(changing_free) struct changing *changing = context;
	struct agent *agent = changing->agent;
	char why[640];

	agent->change_saving = false;
	if (agent->stopping && !error) { /* it acts at the next start */
		changing->done(changing->context, &changing->answer);
		return;
	}
	if (error) {
		snprintf(why, sizeof(why), "the configuration could not be saved: %s; nothing was changed",
			 strerror(-error));
	} else {
		if (changing->confirm_ms)
			begin_trial(agent);
		error = change_enforce(agent, changing->text, why, sizeof(why));
	}
	if (error) {
		kept_free(&agent->kept);
		agent->kept = TAKE_PTR(changing->before);
		change_save(agent, NULL, NULL);
		answer(changing->done, changing->context, ORDER_FAILED, why);
		return;
	}
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_CONFIG,
						  .to = changing->confirm_ms ? "on trial" : "applied",
						  .cause = changing->file,
						  .owner = changing->owner});
	changing->done(changing->context, &changing->answer);
}

/* Is another change under way, or on trial? Then `why` says so. */
static bool busy(const struct agent *agent, char *why, size_t size)
{
	if (agent->overlay_saving || agent->change_saving)
		snprintf(why, size, "another change of the servers is being saved; say it again when that is done");
	else if (agent->kept->back_to)
		snprintf(why, size, "the configuration in force is on trial: first muster confirm, or muster rollback");
	else
		return false;
	return true;
}

/* False, and `why` says what speaks against it. */
static bool may_apply(struct agent *agent, const struct change_request *request, const struct change_plan *plan,
		      char *why, size_t size)
{
	bool plain = !agent->model->config->protections || change_is_plain(plan, request->file, why, size);

	if (!gate_passes(agent, &plan->gate, request->force, request->owner)) {
		size_t used = strlen(why);

		snprintf(why + used, size - used, "%s",
			 plan->gate.last ? "" : "; --force does it all the same, best with --confirm-within 5m");
		return false;
	}
	if (!plain && !request->force && !request->confirm_ms)
		return false;
	return !plan->taken_out || !book_storage_fails(agent, why, size);
}

static struct changing *changing_new(struct agent *agent, const struct change_request *request, order_done_fn done,
				     void *context)
{
	_cleanup_(changing_free) struct changing *changing = calloc(1, sizeof(*changing));

	if (!changing)
		return NULL;
	changing->agent = agent;
	changing->done = done;
	changing->context = context;
	changing->confirm_ms = request->confirm_ms;
	changing->text = strdup(request->text);
	changing->file = strdup(request->file);
	changing->owner = strdup(request->owner);
	if (!changing->text || !changing->file || !changing->owner || kept_copy(agent->kept, &changing->before) < 0)
		return NULL;
	return TAKE_PTR(changing);
}

/* The new one is the current one, and goes back to the one before unless it is confirmed in time. */
static int keep(struct agent *agent, const struct change_request *request)
{
	_cleanup_(freep) char *file_text = NULL;
	uint64_t before = agent->kept->current;
	struct lease_clock clock = agent_clock(agent);
	const struct kept_config *current = kept_current(agent->kept);
	bool same = current && !strcmp(current->text, request->text) && !request->confirm_ms;
	int error = same ? 0 : kept_push(agent->kept, request->file, request->text, request->owner, clock.wall_ms);

	if (error)
		return error;
	if (agent_read_file(agent->file, &file_text) == 0)
		agent->kept->file_print = kept_print(file_text);
	if (request->confirm_ms) {
		agent->kept->back_to = before;
		lease_start(&agent->kept->end, request->confirm_ms, &clock);
	}
	return 0;
}

static void say_done(struct changing *changing, const struct change_request *request, const struct change_plan *plan)
{
	struct order_answer *a = &changing->answer;
	char sentence[640];
	int used = snprintf(a->message, sizeof(a->message), "the configuration of %.200s is in force", request->file);

	gate_sentence(&plan->gate, sentence, sizeof(sentence));
	if (request->confirm_ms)
		used += snprintf(
			a->message + used, sizeof(a->message) - (size_t)used,
			", on trial: without `muster confirm` within %lld s it is rolled back, and at once when "
			"clients fail",
			(long long)request->confirm_ms / 1000);
	if (plan->gate.word != GATE_YES)
		snprintf(a->message + used, sizeof(a->message) - (size_t)used, "; %s", sentence);
	snprintf(a->undo, sizeof(a->undo), "muster rollback");
}

void change_apply(struct agent *agent, const struct change_request *request, order_done_fn done, void *context)
{
	_cleanup_(change_plan_free) struct change_plan *plan = NULL;
	_cleanup_(changing_free) struct changing *changing = NULL;
	_cleanup_(freep) char *said = NULL;
	size_t length = 0;
	FILE *faults = open_memstream(&said, &length);
	char why[1024];
	int error = faults ? change_plan_new(&plan, agent, request->file, request->text, faults) : -ENOMEM;

	if (faults)
		fclose(faults);
	if (error) {
		answer(done, context, error == -EINVAL ? ORDER_USAGE : ORDER_FAILED,
		       said && *said ? said : strerror(-error));
		return;
	}
	if (busy(agent, why, sizeof(why)) || !may_apply(agent, request, plan, why, sizeof(why))) {
		answer(done, context, ORDER_REFUSED, why);
		return;
	}
	changing = changing_new(agent, request, done, context);
	if (!changing || keep(agent, request) < 0) {
		answer(done, context, ORDER_FAILED, "out of memory");
		return;
	}
	say_done(changing, request, plan);
	agent->change_saving = true;
	change_save(agent, kept_on_disk, TAKE_PTR(changing));
}

void change_hold(struct agent *agent, bool reload, const char *why)
{
	int length = (int)strcspn(why, "\n");
	bool more = why[length] && why[length + 1];

	freep(&agent->pending);
	agent->pending_reload = reload;
	if (asprintf(&agent->pending, "%s%.*s%s; the configuration before runs on",
		     strstr(why, agent->file) ? "" : "the configuration was not taken over: ", length, why,
		     more ? " (and more)" : "") < 0)
		agent->pending = NULL;
}

static int reload(struct agent *agent, const char *owner, FILE *faults)
{
	_cleanup_(change_plan_free) struct change_plan *plan = NULL;
	_cleanup_(freep) char *text = NULL;
	struct change_request request = {.file = agent->file, .owner = owner};
	char why[1024];
	int error;

	if (busy(agent, why, sizeof(why))) {
		fprintf(faults, "%s\n", why);
		return -EBUSY;
	}
	error = agent_read_file(agent->file, &text);
	if (error) {
		fprintf(faults, "%s: %s\n", agent->file, strerror(-error));
		return error;
	}
	request.text = text;
	error = change_plan_new(&plan, agent, agent->file, text, faults);
	if (error)
		return error;
	if (!may_apply(agent, &request, plan, why, sizeof(why))) {
		fprintf(faults, "%s\n", why);
		return -EPERM;
	}
	error = keep(agent, &request);
	if (!error)
		error = change_enforce(agent, text, why, sizeof(why));
	if (error)
		fprintf(faults, "%s\n", why);
	change_save(agent, NULL, NULL);
	return error;
}

int change_reload(struct agent *agent, const char *owner, FILE *faults)
{
	_cleanup_(freep) char *said = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&said, &length);
	int error = stream ? reload(agent, owner, stream) : -ENOMEM;

	if (stream)
		fclose(stream);
	if (error)
		change_hold(agent, true, said && *said ? said : strerror(-error));
	agent_note(agent, &(struct journal_entry){.kind = error ? JOURNAL_RELOAD_REFUSED : JOURNAL_RELOADED,
						  .cause = error ? said : agent->file,
						  .owner = owner});
	if (said)
		fputs(said, faults);
	return error;
}
