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
#include "killer/operator.h"
#include "killer/stopped.h"

#define AT_START_US  120000
#define AT_WORK_US   120000
#define AUDIT_EVERY  50 /* of random lives */
#define AUDIT_POINTS 6  /* of those that end at a point */

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
