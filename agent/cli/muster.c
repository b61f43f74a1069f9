// SPDX-License-Identifier: GPL-2.0-or-later
/* muster, the command line: parse -> look -> run. */
#include "../alerts/rules.h"
#include "cli.h"

#include <curl/curl.h>
#include <locale.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "../log.h"

static size_t terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;

	if (columns && atoi(columns) > 0)
		return (size_t)atoi(columns);
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		return size.ws_col;
	return isatty(STDOUT_FILENO) ? 80 : 0;
}

static bool want_color(const struct cli_request *request)
{
	const struct cli_value *color = cli_option(request, "color");
	const char *no_color = getenv("NO_COLOR");

	if (color->given && color->number != 0)
		return color->number == 1;
	return isatty(STDOUT_FILENO) && !(no_color && *no_color);
}

static void look(struct session *session)
{
	const char *socket = cli_option(&session->request, "socket")->text;

	if (!socket)
		socket = getenv("MUSTER_SOCKET");
	session->socket = socket && *socket ? socket : CLI_SOCKET;
	session->json = cli_option(&session->request, "json")->given;
	session->look.out = stdout;
	session->look.width = terminal_width();
	session->look.color = want_color(&session->request);
}

static int run(struct session *session)
{
	const struct cli_request *request = &session->request;

	if (cli_option(request, "man")->given)
		man_page(stdout);
	else if (cli_option(request, "completion")->given)
		completion_script(stdout);
	else if (cli_option(request, "version")->given)
		return run_version(session);
	else if (cli_option(request, "playbook")->given)
		alert_playbook(stdout);
	else if (cli_option(request, "help")->given && request->command)
		help_command(stdout, request->command);
	else if (cli_option(request, "help")->given)
		help_overview(stdout);
	else if (cli_option(request, "names")->given)
		return run_names(session);
	else
		return request->command ? request->command->run(session) : run_status(session);
	return CLI_DONE;
}

int main(int argc, char **argv)
{
	struct session session = {};
	int result;

	log_set_name("muster");
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	if (cli_parse((size_t)(argc - 1), argv + 1, &session.request, stderr) < 0)
		return CLI_USAGE;
	look(&session);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	result = run(&session);
	curl_global_cleanup();
	return result;
}
