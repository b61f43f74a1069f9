// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A receiver for tests: takes what is sent to it, and keeps each message as a file.
 *   sink http PORT DIR [STATUS]  each POST's body as DIR/NUMBER, its head as DIR/NUMBER.head; answers STATUS (200)
 *   sink smtp PORT DIR           each mail as DIR/NUMBER, its envelope as DIR/NUMBER.head
 *   sink hang PORT               takes connections, and never says a word
 * PORT - stands for standard input and output: one connection that somebody else took.
 * A file is there when it is whole. STATUS may be a file that holds it: the test changes its mind.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *folder, *status = "200";
static unsigned number;

static void keep(const char *suffix, const char *text, size_t n)
{
	char path[512], temporary[600];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%04u%s", folder, number, suffix);
	snprintf(temporary, sizeof(temporary), "%s/.%04u%s", folder, number, suffix);
	file = fopen(temporary, "w");
	if (!file || fwrite(text, 1, n, file) != n || fclose(file) || rename(temporary, path))
		err(1, "%s", path);
}

static int answer_status(void)
{
	FILE *file;
	int value = 200;

	if (*status != '/')
		return atoi(status);
	file = fopen(status, "r");
	if (file && fscanf(file, "%d", &value) != 1)
		value = 200;
	if (file)
		fclose(file);
	return value;
}

static void http(FILE *in, FILE *out)
{
	char head[8192] = "", line[2048], *body;
	size_t used = 0, length = 0;
	int code;

	while (fgets(line, sizeof(line), in) && strcmp(line, "\r\n")) {
		if (!strncasecmp(line, "Content-Length:", 15))
			length = (size_t)atol(line + 15);
		used += (size_t)snprintf(head + used, sizeof(head) - used, "%s", line);
		if (used >= sizeof(head))
			return;
	}
	if (length > 1 << 20)
		return;
	body = calloc(1, length + 1);
	if (!body || fread(body, 1, length, in) != length)
		return;
	code = answer_status();
	if (code == 200) {
		keep(".head", head, used);
		keep("", body, length);
	}
	fprintf(out, "HTTP/1.1 %d X\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", code);
}

static void mail(FILE *in, FILE *out)
{
	char *text = NULL, line[2048];
	size_t length = 0;
	FILE *whole = open_memstream(&text, &length);

	fprintf(out, "354 go on\r\n");
	while (fgets(line, sizeof(line), in) && strcmp(line, ".\r\n"))
		fputs(line, whole);
	fclose(whole);
	keep("", text, length);
	fprintf(out, "250 kept\r\n");
}

static void smtp(FILE *in, FILE *out)
{
	char envelope[4096] = "", line[2048];
	size_t used = 0;

	fprintf(out, "220 sink\r\n");
	while (fgets(line, sizeof(line), in)) {
		if (!strncasecmp(line, "DATA", 4)) {
			keep(".head", envelope, used);
			mail(in, out);
			continue;
		}
		if (!strncasecmp(line, "QUIT", 4))
			break;
		if (!strncasecmp(line, "MAIL", 4) || !strncasecmp(line, "RCPT", 4))
			used += (size_t)snprintf(envelope + used, sizeof(envelope) - used, "%s", line);
		fprintf(out, "250 ok\r\n");
	}
	fprintf(out, "221 bye\r\n");
}

static void serve(int from, int to, const char *kind)
{
	FILE *in = fdopen(from, "r"), *out = fdopen(to, "w");

	setvbuf(out, NULL, _IOLBF, 0);
	if (!strcmp(kind, "hang"))
		pause();
	else if (!strcmp(kind, "smtp"))
		smtp(in, out);
	else
		http(in, out);
	fclose(out);
	exit(0);
}

int main(int argc, char **argv)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (argc < 3)
		errx(1, "usage: sink http|smtp|hang PORT [DIR [STATUS]]");
	folder = argc > 3 ? argv[3] : "/";
	status = argc > 4 ? argv[4] : status;
	if (!strcmp(argv[2], "-")) {
		number = (unsigned)getpid();
		serve(STDIN_FILENO, STDOUT_FILENO, argv[1]);
	}
	here.sin_port = htons((uint16_t)atoi(argv[2]));
	signal(SIGCHLD, SIG_IGN);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0 || listen(fd, 64) < 0)
		err(1, "port %s", argv[2]);
	for (;;) {
		int client = accept(fd, NULL, NULL);

		if (client < 0)
			continue;
		number++;
		if (fork() == 0)
			serve(client, dup(client), argv[1]);
		close(client);
	}
}
