// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/libbpf.h>
#include <stdio.h>

#include "kernel.h"

const char *kernel_library(void)
{
	static char text[32];

	snprintf(text, sizeof(text), "libbpf %s", libbpf_version_string());
	return text;
}
