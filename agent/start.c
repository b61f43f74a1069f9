// SPDX-License-Identifier: GPL-2.0-or-later
/* The agent's life: built in the order in which things are needed, run, let go of. */
#include "agent.h"

#include <signal.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "alerts/alerts.h"
#include "change/change.h"
#include "child.h"
#include "clock.h"
#include "control.h"
#include "log.h"
#include "observe.h"
#include "orders/orders.h"
#include "privilege.h"
#include "rehearse/rehearsal.h"

#define TICK_US 500000

static void on_event(void *context, const struct muster_event *event)
{
	int64_t now_ms = clock_now_ms();

	if (!observe_event(context, event, now_ms))
		packets_event(context, event, now_ms);
}

static void on_link(void *context, const char *ifname, const char *text)
{
	agent_note(context,
		   &(struct journal_entry){.kind = JOURNAL_INTERFACE, .from = ifname, .to = "changed", .cause = text});
}

static int on_tick(sd_event_source *source, uint64_t usec, void *context)
{
	struct agent *agent = context;

	(void)usec;
	agent_tick(agent, clock_now_ms());
	sd_event_source_set_time_relative(source, TICK_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct agent *agent = context;

	(void)source;
	sd_notify(0, "STOPPING=1");
	rehearsal_stop(agent, "musterd stops", NULL);
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_STOPPED,
						  .cause = info->ssi_signo == SIGTERM
								   ? "SIGTERM; what is attached goes on forwarding"
								   : "SIGINT; what is attached goes on forwarding"});
	return sd_event_exit(agent->event, 0);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct agent *agent = context;
	_cleanup_(freep) char *text = NULL;
	size_t length = 0;
	FILE *faults = open_memstream(&text, &length);

	(void)source, (void)info;
	if (!faults)
		return 0;
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_ms(CLOCK_MONOTONIC) * 1000);
	change_reload(agent, "SIGHUP", faults);
	fclose(faults);
	sd_notify(0, "READY=1");
	return 0;
}

static int start_loop(struct agent *agent)
{
	sigset_t signals;
	int error;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	error = sd_event_default(&agent->event);
	if (error < 0)
		return error;
	sd_event_set_watchdog(agent->event, true);
	sd_event_add_signal(agent->event, NULL, SIGTERM, on_stop, agent);
	sd_event_add_signal(agent->event, NULL, SIGINT, on_stop, agent);
	sd_event_add_signal(agent->event, NULL, SIGHUP, on_reload, agent);
	return 0;
}

static int start_kernel(struct agent *agent, const struct config *config, const char *object)
{
	const struct kernel_handlers handlers = {
		.context = agent, .hop_changed = agent_hop_changed, .event = on_event, .link_changed = on_link};
	const struct kernel_conf conf = {.object = object, .pins = config->pins};
	char why[512] = "";
	int error = kernel_open(&agent->kernel, &conf, agent->event, &handlers, why, sizeof(why));

	if (error)
		log_error("opening the maps in %s: %s", config->pins, why);
	return error;
}

static int start_storage(struct agent *agent, const struct config *config)
{
	const struct writer_conf conf = {
		.dir = config->state_dir,
		.journal_max_bytes = config->journal_max_bytes,
		.journal_keep = config->journal_keep,
	};
	_cleanup_(freep) char *text = NULL;
	char why[512] = "";
	int error;

	error = writer_new(&agent->writer, agent->event, &conf, why, sizeof(why));
	if (!error)
		error = writer_read(config->state_dir, WRITER_STATE, &text);
	if (!error)
		error = state_parse(text, &agent->state, why, sizeof(why));
	if (!error)
		error = journal_new(&agent->journal, agent->writer, config->state_dir);
	if (error) {
		log_error("opening the state in %s: %s", config->state_dir, why[0] ? why : strerror(-error));
		return error;
	}
	agent->journal_before = journal_seq(agent->journal);
	orders_adopt(agent);
	return history_start(agent, config->state_dir);
}

static void push_line(void *context, const char *line, size_t length)
{
	api_push(context, line, length);
}

static int start_api(struct agent *agent)
{
	const struct config *config = agent->model->config;
	const struct api_conf conf = {.socket = config->socket, .group = config->group};
	char why[512] = "";
	int error = api_new(&agent->api, agent->event, &conf, control_routes, agent, why, sizeof(why));

	if (error)
		log_error("opening the control socket %s: %s", config->socket, why);
	else
		journal_set_follower(agent->journal, push_line, agent->api);
	return error;
}

/* From a file to a model; the faults of the file go to standard error as they are. */
static int start_model(struct agent *agent, const char *text)
{
	int error = prober_new(&agent->prober, agent->event, agent_probe_done, agent);

	if (!error)
		error = agent_apply(agent, text, stderr);
	if (error)
		return error;
	orders_watch(agent);
	agent_turn(agent);
	return 0;
}

/* The object by -o, by the configuration, where `make install` puts it, or beside the executable. */
static const char *find_object(const struct config *config, const struct agent_options *options, char *buffer,
			       size_t size)
{
	ssize_t length;
	char *slash;

	if (options->object || config->object)
		return options->object ? options->object : config->object;
	if (!access(MUSTER_LIBDIR "/muster.bpf.o", R_OK))
		return MUSTER_LIBDIR "/muster.bpf.o";
	length = readlink("/proc/self/exe", buffer, size - sizeof("/muster.bpf.o"));
	if (length < 0)
		return MUSTER_LIBDIR "/muster.bpf.o";
	buffer[length] = '\0';
	slash = strrchr(buffer, '/');
	strcpy(slash ? slash : buffer, "/muster.bpf.o");
	return buffer;
}

/* The file's text, and what it says; or, where it has faults, said in `faults`, what the configuration before said. */
static int read_config(struct agent *agent, char **text, char **faults, struct config **config)
{
	int error = agent_read_file(agent->file, text);
	size_t length = 0;
	FILE *said;

	if (error) {
		log_error("reading %s: %s", agent->file, strerror(-error));
		return error;
	}
	said = open_memstream(faults, &length);
	if (!said)
		return -ENOMEM;
	error = agent_read(agent, agent->file, *text, said, config);
	fclose(said);
	fputs(*faults, stderr);
	if (!error)
		freep(faults);
	else if (error == -EINVAL && !change_last(agent, *text, config))
		return 0;
	return error;
}

int agent_new(struct agent **out, const struct agent_options *options)
{
	_cleanup_(agent_free) struct agent *agent = calloc(1, sizeof(*agent));
	_cleanup_(config_free) struct config *config = NULL;
	_cleanup_(freep) char *text = NULL, *faults = NULL, *run = NULL;
	char object[4096];
	int error;

	if (!agent)
		return -ENOMEM;
	agent->started_wall_ms = clock_wall_ms();
	agent->file = strdup(options->file);
	agent->counters = calloc(1, sizeof(*agent->counters));
	if (!agent->file || !agent->counters || audit_new(&agent->auditor.audit) < 0)
		return -ENOMEM;
	agent_boot_id(agent->boot_id);
	error = read_config(agent, &text, &faults, &config);
	if (!error)
		error = start_loop(agent);
	if (!error)
		error = start_kernel(agent, config, find_object(config, options, object, sizeof(object)));
	if (!error)
		error = privilege_drop(config->group);
	if (!error)
		error = start_storage(agent, config);
	if (!error)
		error = change_start(agent, config->state_dir, text, faults, &run);
	if (!error)
		error = start_model(agent, run);
	if (!error)
		error = alerts_new(&agent->alerts, agent);
	if (!error)
		error = children_new(&agent->children, agent->event);
	if (!error)
		error = start_api(agent);
	if (error)
		return error;
	*out = TAKE_PTR(agent);
	return 0;
}

int agent_run(struct agent *agent)
{
	int error =
		sd_event_add_time_relative(agent->event, &agent->tick, CLOCK_BOOTTIME, TICK_US, 10000, on_tick, agent);

	if (error < 0)
		return error;
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_STARTED, .to = MUSTER_VERSION, .cause = agent->file});
	agent_begin(agent);
	return sd_event_loop(agent->event);
}

void agent_free(struct agent **agent)
{
	struct agent *a = *agent;

	if (!a)
		return;
	a->stopping = true;
	if (a->journal)
		journal_set_follower(a->journal, NULL, NULL);
	api_free(&a->api);
	alerts_stop(a->alerts);
	children_free(&a->children);
	prober_free(&a->prober);
	a->tick = sd_event_source_unref(a->tick);
	a->post = sd_event_source_unref(a->post);
	a->step = sd_event_source_unref(a->step);
	history_stop(a);
	writer_free(&a->writer);
	alerts_free(&a->alerts);
	journal_free(&a->journal);
	kernel_close(&a->kernel);
	model_free(&a->model);
	rehearsal_free(&a->rehearsal);
	audit_free(&a->auditor.audit);
	state_free(&a->state);
	histories_free(&a->histories);
	sd_event_unref(a->event);
	free(a->counters);
	kept_free(&a->kept);
	free(a->pending);
	free(a->applied);
	free(a->file);
	freep(agent);
}
