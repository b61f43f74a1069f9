/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Defaults that depend on other keys, and what servers take over from their service. */
#ifndef MUSTER_CONFIG_DEFAULT_H
#define MUSTER_CONFIG_DEFAULT_H

#include "../config.h"
#include "yaml.h"

/* Completes a configuration that config_read() filled; `root` is its tree. 0 or -ENOMEM. */
int config_default(struct config *config, const struct tree *root);

#endif
