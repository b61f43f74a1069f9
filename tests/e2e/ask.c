// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What musterd says of itself, for tests that ask over and over until something has come true: `muster -j` loads forty
 * libraries each time, for TLS that a socket of this machine has no use for.
 *   ask SOCKET PATH
 */
#include "call.h"

int main(int argc, char **argv)
{
	json_t *document;

	if (argc != 3 || call(argv[1], "GET", argv[2], NULL, &document) != 200)
		return 2;
	return json_dumpf(document, stdout, JSON_COMPACT) ? 2 : 0;
}
