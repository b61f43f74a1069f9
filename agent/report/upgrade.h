/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an upgrade came to, as the control API answers it and as the command says it without an agent. Pure. */
#ifndef MUSTER_REPORT_UPGRADE_H
#define MUSTER_REPORT_UPGRADE_H

#include <jansson.h>

#include "../kernel/attach.h"

/* {"schema", "result", "message", "changes"} from what upgrade_devices() gave: its error, `why` and reports. */
json_t *upgrade_json(int error, const char *why, const struct attach_report *reports, size_t n);

#endif
