/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What no key can see alone: combinations, families, duplicates, room in the maps. */
#ifndef MUSTER_CONFIG_CHECK_H
#define MUSTER_CONFIG_CHECK_H

#include "../config.h"
#include "yaml.h"

/* Checks a complete configuration against its tree; what has a fault already is not looked at. 0 or -ENOMEM. */
int config_check(const struct config *config, const struct tree *root, struct faults *faults);

/* The part about names, addresses and ports that may stand only once, and about room in the maps. */
int config_check_unique(const struct config *config, const struct tree *root, struct faults *faults);

/* The part about receivers of alerts: what each type needs, and what means nothing to it. */
void config_check_receivers(const struct config *config, const struct tree *root, struct faults *faults);

#endif
