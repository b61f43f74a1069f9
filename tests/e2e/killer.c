// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An operator who never rests, and musterd killed under their hands. After each death what is on disk is held against what was
 * promised; when it is back, so is what it says and what the kernel picks; and whoever was said to be out gets no new flow.
 *
 *   killer FOLDER CONFIG OTHER_CONFIG MUSTERD random N SEED      at random moments, of the start and of the work
 *   killer ... strike SHIM POINT...                              at named points: "picks:before" (shim/strike.c)
 *   killer ... stop WATCHDOG_MS STOPPED_MS                       stopped; the service manager's watchdog acts, or does not
 *   killer ... settle                                            everything as CONFIG has it, no order left
 *
 * FOLDER is the state folder. Prints each fault, and figures after "#". Ends with 1 when there was a fault.
 */
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "killer/call.h"
#include "killer/files.h"
#include "killer/promises.h"
#include "killer/turns.h"

#define SOCKET       "/run/muster/muster.sock"
#define LONGEST_MS   20000 /* until something comes true, on a machine that is short of time */
#define EMPTY_MS     500   /* a request takes a few ms */
#define THINKS_MS    3
#define AT_START_US  120000
#define AT_WORK_US   120000
#define AUDIT_EVERY  50 /* of random lives */
#define AUDIT_POINTS 6  /* of those that end at a point */

static const char *folder, *config, *other_config, *musterd;
static char *main_text, *other_text;
static struct promises promised;
static struct operation asked; /* NOTHING, or what was asked and not answered */
static struct out out[SERVERS];
static struct journal_check journal;
static struct {
	pid_t pid;
	bool back; /* it has answered, and was looked at */
} agent;
static char shim[4096], strike_path[4096];
static struct {
	int socket; /* 0: none */
	char path[108], usec[32];
	long long patience_ms, heard_ms;
	unsigned pings;
	bool acted;
} watchdog;
static unsigned answered, refused, unanswered, faults;

static void fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void fault(const char *format, ...)
{
	va_list ap;

	faults++;
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf("\n");
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void pause_ms(int ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

/* --- the agent's lives ------------------------------------------------------------------------------------------------ */

static void (*at_alarm)(void);

static void on_alarm(int signal_number)
{
	int error = errno;

	(void)signal_number;
	at_alarm();
	errno = error;
}

static void alarm_after(long us, long again_us, void (*then)(void))
{
	const struct itimerval when = {.it_value = {.tv_sec = us / 1000000, .tv_usec = us % 1000000 + 1},
				       .it_interval = {.tv_sec = again_us / 1000000, .tv_usec = again_us % 1000000}};

	at_alarm = then;
	setitimer(ITIMER_REAL, &when, NULL);
}

static void kill_it(void)
{
	kill(agent.pid, SIGKILL);
}

static void kill_after(long us)
{
	alarm_after(us, 0, kill_it);
}

static void start_agent(void)
{
	agent.back = false;
	fflush(stdout);
	agent.pid = fork();
	if (agent.pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
	if (watchdog.socket) {
		setenv("NOTIFY_SOCKET", watchdog.path, 1);
		setenv("WATCHDOG_USEC", watchdog.usec, 1);
	}
	if (shim[0]) {
		setenv("LD_PRELOAD", shim, 1);
		setenv("STRIKE", strike_path, 1);
	}
	execl(musterd, musterd, "-f", "-c", config, NULL);
	_exit(127);
}

/* Has it died? Of a signal, for nothing else is to end it. */
static bool died(void)
{
	int status;

	if (waitpid(agent.pid, &status, WNOHANG) != agent.pid)
		return false;
	if (!WIFSIGNALED(status) || (WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGABRT))
		fault("musterd ended by itself, with wait status %x", status);
	return true;
}

static int ask(const char *method, const char *what, json_t *body, json_t **answer)
{
	return call(SOCKET, method, what, body, answer);
}

/* --- what must be true ------------------------------------------------------------------------------------------------ */

static void look_at_turns(const char *when)
{
	for (int i = 0; i < SERVERS; i++) {
		unsigned long long flows = turns_since(&out[i], server_name[i]);

		if (flows)
			fault("%s: %s was out, and got %llu new flows", when, server_name[i], flows);
		out[i].flows += flows;
	}
}

/* Who is out from now on by what was answered. */
static void count_from_now(void)
{
	for (int i = 0; i < SERVERS; i++) {
		int record;

		if (out[i].counted || !promised_out(&promised, i))
			continue;
		record = turns_record(server_name[i]);
		if (record >= 0)
			out[i] = (struct out){true, (unsigned)record, turns_of((unsigned)record), now_ms()};
	}
}

/* Of a dead agent: the files are whole, and hold what was promised, with what was asked last or without. */
static void look_at_disk(void)
{
	static const char *const files[] = {"state.json", "configs.json", "alerts.json", "history.json"};
	struct journal_check newest = {0};
	struct promises disk, with = promised;
	json_t *document[4];
	bool whole;

	look_at_turns("after a kill");
	for (int i = 0; i < 4; i++) {
		document[i] = files_document(folder, files[i], &whole);
		if (!whole)
			fault("%s is torn", files[i]);
	}
	files_journal(folder, "journal.jsonl", true, &newest);
	if (newest.fault[0])
		fault("%s", newest.fault);
	journal.torn += newest.torn;
	promises_after(&with, &asked);
	if (document[0] && !promises_on_disk(&disk, document[0], document[1], other_text))
		fault("state.json has orders that nobody gave");
	else if (document[0] && !promises_equal(&disk, &promised) && !promises_equal(&disk, &with)) {
		fault("what is on disk was not promised, act %d", asked.act);
		promises_print("  promised", &promised);
		promises_print("  on disk", &disk);
	}
	if (document[0])
		promised = disk;
	asked.act = NOTHING;
	for (int i = 0; i < 4; i++)
		json_decref(document[i]);
}

/* Whether who is out by an order is in the table, and who is not, and well, is not. */
static void look_at_picks(const json_t *picks)
{
	const json_t *server;
	size_t i;

	json_array_foreach(json_object_get(picks, "servers"), i, server)
	{
		int number = server_number(text_in(server, "name"));
		bool slots = json_integer_value(json_object_get(server, "slots")) > 0;
		double effective = json_number_value(json_object_get(json_object_get(server, "weight"), "effective"));

		if (number < 0 || (number == SPARE && !promised.added))
			fault("after a start %s is in the pool", text_in(server, "name"));
		else if (slots && promised_out(&promised, number))
			fault("after a start %s is out by an order, and picked", text_in(server, "name"));
		else if (slots != (effective > 0))
			fault("after a start %s has the weight %.2f, and %s slots", text_in(server, "name"), effective,
			      slots ? "some" : "no");
	}
}

/* Its first words, before anything is asked of it: no order is lost, and the kernel picks accordingly. */
static void look_at_agent(void)
{
	json_t *leases, *picks;
	struct promises told = promised;
	int status = ask("GET", "/v1/leases", NULL, &leases);

	memset(told.order, 0, sizeof(told.order));
	if (status == 200 && ask("GET", "/v1/picks?service=web", NULL, &picks) == 200) {
		if (!promises_orders(&told, json_object_get(leases, "leases")) || !promises_equal(&told, &promised)) {
			fault("after a start the orders are not those on disk");
			promises_print("  on disk", &promised);
			promises_print("  in force", &told);
		}
		look_at_picks(picks);
		json_decref(picks);
		agent.back = true;
		look_at_turns("after a start");
		count_from_now();
	}
	json_decref(leases);
}

static bool is_critical(const json_t *audit, char *text, size_t size)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(json_object_get(audit, "findings"), i, finding)
	{
		if (strcmp(text_in(finding, "severity"), "critical"))
			continue;
		snprintf(text, size, "%s: %s", text_in(finding, "kind"), text_in(finding, "text"));
		return true;
	}
	return false;
}

/* Once it has looked around: the audit finds nothing that is not as it should be, and the configuration is the promised one. */
static void look_at_audit(void)
{
	long long until = now_ms() + LONGEST_MS;
	char text[256] = "nobody answers";
	json_t *document;
	bool other = false, good = false;
	const json_t *service;
	size_t i;

	for (; !good && now_ms() < until; pause_ms(50)) {
		if (ask("GET", "/v1/status", NULL, &document) == 200)
			good = json_is_true(json_object_get(document, "ready"));
		json_array_foreach(json_object_get(document, "services"), i, service) other |=
			!strcmp(text_in(service, "name"), "extra");
		json_decref(document);
		if (good && ask("GET", "/v1/audit", NULL, &document) == 200) {
			good = !is_critical(document, text, sizeof(text));
			json_decref(document);
		}
	}
	if (!good)
		fault("after a start the audit has to say: %s", text);
	if (other != promised.other_config)
		fault("after a start the configuration is not the one in force before");
}

/* --- the operator ------------------------------------------------------------------------------------------------------ */

static void wish_anything(struct operation *o)
{
	static unsigned number;
	int die = rand() % 20;

	*o = (struct operation){.server = rand() % SERVERS, .kind = rand() % KINDS, .other_config = rand() % 2};
	snprintf(o->reason, sizeof(o->reason), "wish %u %0120d", ++number, 0);
	o->act = die < 7 ? PLACE : die < 14 ? RETURN : die < 16 ? ADD : die < 18 ? REMOVE : die < 19 ? APPLY : TRY;
	/* What is on trial is rolled back, and whoever changes it else would end the trial. */
	if (promised.on_trial && (o->act == APPLY || o->act == TRY))
		o->act = ROLL_BACK;
	o->other_config = o->act == APPLY ? o->other_config : !promised.other_config;
}

/* How it is asked. */
static json_t *body_of(const struct operation *o, const char *spare_address, const char **what)
{
	static const char *const path[KINDS] = {"/v1/drain", "/v1/maintenance", "/v1/weight"};
	const char *name = server_name[o->server];
	json_t *body;

	switch (o->act) {
	case PLACE:
		*what = path[o->kind];
		body = json_pack("{s:s, s:s, s:i, s:s, s:b}", "server", name, "service", "web", "for_s", 3600, "reason",
				 o->reason, "force", 1);
		if (o->kind == DRAIN)
			json_object_set_new(body, "no_recall", json_true());
		if (o->kind == WEIGHT)
			json_object_set_new(body, "weight", json_integer(1 + rand() % 9));
		return body;
	case RETURN:
		*what = "/v1/return";
		return json_pack("{s:s, s:s, s:b}", "server", name, "service", "web", "force", 1);
	case ADD:
		*what = "/v1/add";
		return json_pack("{s:s, s:s, s:s, s:i}", "server", "web-03", "service", "web", "address", spare_address,
				 "weight", 10);
	case REMOVE:
		*what = "/v1/remove";
		return json_pack("{s:s, s:s, s:b}", "server", "web-03", "service", "web", "force", 1);
	case ROLL_BACK:
		*what = "/v1/rollback";
		return json_pack("{s:b}", "force", 1);
	default:
		*what = "/v1/apply";
		body = json_pack("{s:s, s:s, s:b}", "file", o->other_config ? other_config : config, "text",
				 o->other_config ? other_text : main_text, "force", 1);
		if (o->act == TRY)
			json_object_set_new(body, "confirm_within_s", json_integer(3600));
		return body;
	}
}

/* From the moment that they are asked for, new flows are no fault. */
static void may_come_back(const struct operation *o)
{
	if (o->act == RETURN)
		out[o->server].counted = false;
	if (o->act == ADD)
		out[SPARE].counted = false;
}

/* Long enough to have no connection any more: a removal would end them. */
static bool spare_is_empty(void)
{
	return !promised.added || (out[SPARE].counted && now_ms() - out[SPARE].since_ms >= EMPTY_MS);
}

static void operate(void)
{
	struct operation o;
	const char *what;
	json_t *answer = NULL, *body;
	int status;

	wish_anything(&o);
	if (o.act == REMOVE && !spare_is_empty())
		o = (struct operation){.act = PLACE, .server = SPARE, .kind = DRAIN};
	if (!o.reason[0])
		snprintf(o.reason, sizeof(o.reason), "before it is removed");
	body = body_of(&o, getenv("SPARE_ADDRESS"), &what);
	look_at_turns("at work");
	may_come_back(&o);
	status = ask("POST", what, body, &answer);
	if (status == CALL_UNANSWERED) {
		asked = o;
		unanswered++;
	} else if (status == 200 && !strcmp(text_in(answer, "result"), "done")) {
		promises_after(&promised, &o);
		answered++;
	} else if (status > 0) {
		refused++;
	}
	if (status >= 500)
		fault("%s: HTTP status %d, %s", what, status, text_in(answer, "message"));
	if (status > 0)
		count_from_now();
	json_decref(answer);
}

/* One life, as far as the next death. `us` after the first answer it is killed; negative: not by us. */
static void live(long us, bool audit)
{
	long long until = now_ms() + LONGEST_MS;

	while (!died()) {
		if (!agent.back) {
			look_at_agent();
			if (agent.back && audit)
				look_at_audit();
			if (agent.back && us >= 0)
				kill_after(us);
			if (agent.back && us < 0 && strike_path[0])
				return;
			if (!agent.back)
				pause_ms(2);
		} else if (asked.act) {
			pause_ms(1); /* it is dying: whoever asked is not answered, and asks no more */
		} else {
			operate();
			pause_ms(THINKS_MS);
		}
		if (now_ms() < until)
			continue;
		fault("musterd did not %s in %d s", agent.back ? "meet its end" : "come back", LONGEST_MS / 1000);
		kill_after(1);
		until = now_ms() + LONGEST_MS;
	}
	look_at_disk();
}

/* --- how it ends ---------------------------------------------------------------------------------------------------------- */

static int die_at_random(int argc, char **argv)
{
	int n = argc > 0 ? atoi(argv[0]) : 0;

	srand(argc > 1 ? (unsigned)atoi(argv[1]) : 1);
	for (int i = 0; i < n; i++) {
		bool at_start = i % 2 == 0;

		start_agent();
		if (at_start)
			kill_after(rand() % AT_START_US);
		live(at_start ? 0 : rand() % AT_WORK_US, i % AUDIT_EVERY == AUDIT_EVERY - 1);
	}
	return n;
}

static void arm(const char *point)
{
	char text[64], fresh[sizeof(strike_path) + 4];
	FILE *file;

	snprintf(text, sizeof(text), "%s", point);
	text[strcspn(text, ":")] = ' ';
	snprintf(fresh, sizeof(fresh), "%s.new", strike_path);
	file = fopen(fresh, "we");
	if (!file || fprintf(file, "%s\n", text) < 0 || fclose(file) || rename(fresh, strike_path))
		fault("%s: %s", strike_path, strerror(errno));
}

static int die_at_points(int argc, char **argv)
{
	if (argc < 1)
		return 0;
	snprintf(shim, sizeof(shim), "%s", argv[0]);
	snprintf(strike_path, sizeof(strike_path), "%s.point", argv[0]);
	srand(1);
	for (int i = 1; i < argc; i++) {
		unsigned before = faults;

		start_agent();
		live(-1, i % AUDIT_POINTS == 0); /* until it is back */
		arm(argv[i]);
		live(-1, false);
		if (faults != before)
			printf("  that was %s\n", argv[i]);
		unlink(strike_path);
	}
	return argc - 1;
}

/* --- stopped ------------------------------------------------------------------------------------------------------------ */

static long stopped_us;

static void go_on(void)
{
	kill(agent.pid, SIGCONT);
}

static void stop_it(void)
{
	kill(agent.pid, SIGSTOP);
	alarm_after(stopped_us, 0, go_on);
}

/* As the service manager does it: who has not pinged in time is aborted, even if it is stopped. */
static void watch(void)
{
	char message[256];
	ssize_t n;

	while ((n = recv(watchdog.socket, message, sizeof(message) - 1, MSG_DONTWAIT)) > 0) {
		message[n] = '\0';
		if (!strstr(message, "WATCHDOG=1"))
			continue;
		watchdog.heard_ms = now_ms();
		watchdog.pings++;
	}
	if (watchdog.acted || now_ms() - watchdog.heard_ms < watchdog.patience_ms)
		return;
	watchdog.acted = true;
	kill(agent.pid, SIGABRT);
	kill(agent.pid, SIGCONT);
}

static void watchdog_open(long patience_ms)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(watchdog.path, sizeof(watchdog.path), "/run/muster/notify.%d", getpid());
	snprintf(watchdog.usec, sizeof(watchdog.usec), "%ld", patience_ms * 1000);
	memcpy(address.sun_path, watchdog.path, sizeof(address.sun_path));
	watchdog.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(watchdog.socket, (struct sockaddr *)&address, sizeof(address)) < 0)
		fault("%s: %s", watchdog.path, strerror(errno));
	watchdog.patience_ms = patience_ms;
	watchdog.heard_ms = now_ms();
}

static void work_for(long long ms)
{
	long long until = now_ms() + ms;

	while (now_ms() < until && !asked.act && !died())
		operate();
}

/* Stopped, and let go on: by a debugger, or with its whole machine. Then stopped for good, under a watchdog. */
static int stop_and_watch(int argc, char **argv)
{
	long patience_ms = argc > 0 ? atol(argv[0]) : 0, stopped_ms = argc > 1 ? atol(argv[1]) : 0;
	long long began_ms, until;

	srand(1);
	stopped_us = stopped_ms * 1000;
	start_agent();
	for (until = now_ms() + LONGEST_MS; !agent.back && now_ms() < until; pause_ms(2))
		look_at_agent();
	began_ms = now_ms();
	alarm_after(200000 + rand() % 100000, 0, stop_it);
	work_for(stopped_ms + 1000);
	if (now_ms() - began_ms < stopped_ms)
		fault("it was not stopped for %ld ms", stopped_ms);
	look_at_agent();
	look_at_audit();
	kill_after(1);
	live(-1, false);

	watchdog_open(patience_ms);
	start_agent();
	for (until = now_ms() + LONGEST_MS; !agent.back && now_ms() < until; pause_ms(2))
		look_at_agent();
	watchdog.heard_ms = now_ms();
	alarm_after(50000, 50000, watch);
	work_for(2 * patience_ms);
	if (watchdog.acted || watchdog.pings < 2)
		fault("at work it pinged %u times, and was%s aborted", watchdog.pings, watchdog.acted ? "" : " not");
	kill(agent.pid, SIGSTOP);
	live(-1, false);
	if (!watchdog.acted)
		fault("it ended before the watchdog acted");
	unlink(watchdog.path);
	watchdog.socket = 0;
	start_agent();
	alarm_after(0, 0, go_on);
	live(0, true);
	return 3;
}

/* --- all of it ------------------------------------------------------------------------------------------------------------ */

static int settle(int argc, char **argv)
{
	long long until = now_ms() + LONGEST_MS;
	const json_t *lease;
	json_t *leases;
	size_t i;

	(void)argc, (void)argv;
	start_agent();
	for (; !agent.back && now_ms() < until; pause_ms(2))
		look_at_agent();
	if (ask("GET", "/v1/leases", NULL, &leases) == 200) {
		json_array_foreach(json_object_get(leases, "leases"), i, lease)
			ask("POST", "/v1/lease/release",
			    json_pack("{s:O, s:b}", "lease", json_object_get(lease, "id"), "force", 1), NULL);
		json_decref(leases);
	}
	ask("POST", "/v1/remove", json_pack("{s:s, s:s, s:b}", "server", "web-03", "service", "web", "force", 1), NULL);
	ask("POST", "/v1/apply", json_pack("{s:s, s:s, s:b}", "file", config, "text", main_text, "force", 1), NULL);
	kill_it();
	waitpid(agent.pid, NULL, 0);
	files_journals(folder, &journal);
	if (journal.fault[0])
		fault("%s", journal.fault);
	printf("# %u lines in the journal\n", journal.lines);
	return 1;
}

/* What an earlier run left on disk. */
static void take_over(void)
{
	bool whole;
	json_t *state = files_document(folder, "state.json", &whole);
	json_t *configs = files_document(folder, "configs.json", &whole);

	if (state && !promises_on_disk(&promised, state, configs, other_text))
		fault("state.json has orders that nobody gave");
	json_decref(state);
	json_decref(configs);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} modes[] = {
		{"random", die_at_random}, {"strike", die_at_points}, {"stop", stop_and_watch}, {"settle", settle}};
	struct rusage usage;
	int lives = 0;

	if (argc < 6 || !turns_open()) {
		fprintf(stderr, "killer: %s\n",
			argc < 6 ? "which folder, configurations, musterd and mode?" : strerror(errno));
		return 2;
	}
	folder = argv[1], config = argv[2], other_config = argv[3], musterd = argv[4];
	main_text = files_read("/", config);
	other_text = files_read("/", other_config);
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm, .sa_flags = SA_RESTART}, NULL);
	take_over();
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(argv[5], modes[i].name))
			lives = modes[i].run(argc - 6, argv + 6);
	getrusage(RUSAGE_CHILDREN, &usage);
	printf("# %d deaths, %u wishes done, %u refused, %u unanswered, %u torn lines, %.1f s of musterd's CPU time\n",
	       lives, answered, refused, unanswered, journal.torn,
	       (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	return faults != 0;
}
