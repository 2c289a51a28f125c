/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device that passes commands on to another and fails the one that it is
 * told to. One thread.
 */
#ifndef BFS_TESTS_UNIT_DIO_FAILDEV_H
#define BFS_TESTS_UNIT_DIO_FAILDEV_H

#include "dio/dev.h"

struct faildev;

/* @inner is borrowed. */
struct faildev *faildev_create(struct dev *inner);
void faildev_destroy(struct faildev *fail);
struct dev *faildev_dev(struct faildev *fail);

/* The @n-th command from now on (0: the next) ends with @error. */
void faildev_fail_at(struct faildev *fail, unsigned int n, int error);

/* Commands since then. */
unsigned int faildev_commands(const struct faildev *fail);

#endif
