/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the tree to struct config, by the schema table alone: keys, types, ranges and defaults. */
#ifndef MUSTER_CONFIG_READ_H
#define MUSTER_CONFIG_READ_H

#include "schema.h"
#include "yaml.h"

/*
 * Fills `base`, the zeroed struct of `section`, from `node`. Faults go to `faults`, and their nodes are marked bad; the
 * elements of a list stay in the tree's order and number (up to the limit), faulty ones included. 0 or -ENOMEM.
 */
int config_read(const struct schema_section *section, struct tree *node, void *base, struct faults *faults);

/* Fills in every default of the section. 0 or -ENOMEM. */
int config_fill(const struct schema_section *section, void *base);

#endif
