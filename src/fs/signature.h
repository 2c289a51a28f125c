/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What mkfs must not overwrite by mistake: the marks by which other
 * filesystems, partition tables and containers are known. One thread.
 */
#ifndef BFS_FS_SIGNATURE_H
#define BFS_FS_SIGNATURE_H

/**
 * signature_find - what a file or block device seems to hold
 * @fd: open for reading; its position does not matter
 *
 * Return: a name, or NULL where nothing is known.
 */
const char *signature_find(int fd);

#endif
