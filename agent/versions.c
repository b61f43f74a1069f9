// SPDX-License-Identifier: GPL-2.0-or-later
#include "versions.h"

#include <curl/curl.h>
#include <jansson.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <yaml.h>
#include <zlib.h>

#include "kernel/kernel.h"

int versions_print(FILE *out)
{
	fprintf(out, "musterd %s (map ABI %d)\n", MUSTER_VERSION, MUSTER_ABI);
	fprintf(out, "%s\nlibcurl %s\nlibmicrohttpd %s\njansson %s\nlibyaml %s\nzlib %s\n", kernel_library(),
		curl_version(), MHD_get_version(), JANSSON_VERSION, yaml_get_version_string(), zlibVersion());
	return fflush(out) ? EXIT_FAILURE : EXIT_SUCCESS;
}
