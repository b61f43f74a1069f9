// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What musterd says of itself, for tests that ask over and over until something has come true: `muster -j` loads forty
 * libraries each time, for TLS that a socket of this machine has no use for.
 *   ask SOCKET PATH
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int at = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char line[256];
	FILE *answer;

	if (argc != 3 || strlen(argv[1]) >= sizeof(address.sun_path))
		return 1;
	strcpy(address.sun_path, argv[1]);
	if (at < 0 || connect(at, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    dprintf(at, "GET %s HTTP/1.0\r\n\r\n", argv[2]) < 0)
		return 2;
	answer = fdopen(at, "r");
	if (!answer || !fgets(line, sizeof(line), answer) || !strstr(line, " 200 "))
		return 2;
	while (fgets(line, sizeof(line), answer) && strcmp(line, "\r\n"))
		;
	while (fgets(line, sizeof(line), answer))
		fputs(line, stdout);
	return ferror(answer) ? 2 : 0;
}
