/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the commands share to read options: lists as they follow -o, sizes
 * with a suffix, and the nearest name for a mistyped one. Pure functions over
 * strings; one thread.
 */
#ifndef BFS_FS_OPTIONS_H
#define BFS_FS_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "dio/log.h"

/**
 * opt_nearest - what somebody may have meant
 * @word: what was typed; ends at its zero
 * @known: names, ends with NULL
 *
 * Return: the name with the least edit distance (insert, delete, replace, swap
 * of neighbours), the first of several; NULL where none is near enough to be
 * worth suggesting.
 */
const char *opt_nearest(const char *word, const char *const *known);

/**
 * opt_size - a size such as 4096, 64K or 2T
 * @text: digits and one of K, M, G, T, P (powers of 1024; lower case as well,
 *        an "iB" or "B" may follow), nothing else
 *
 * Return: 0, -EINVAL for anything else, -ERANGE where it doesn't fit.
 */
int opt_size(const char *text, uint64_t *out);

/* Digits only. Return: 0, -EINVAL, -ERANGE above @max. */
int opt_uint(const char *text, unsigned int max, unsigned int *out);

/**
 * enum opt_kind - what an option does to the struct that is filled in
 * @OPT_SET: an int gets @value
 * @OPT_CHOICE: an int gets the index of the word in @words
 * @OPT_UINT: an unsigned int, at most @value
 * @OPT_SIZE: a size_t
 * @OPT_IGNORE: accepted, with or without a value, and forgotten
 * @OPT_PASS: accepted, and handed to the caller as it was written
 */
enum opt_kind {
	OPT_SET,
	OPT_CHOICE,
	OPT_UINT,
	OPT_SIZE,
	OPT_IGNORE,
	OPT_PASS,
};

/**
 * struct opt_def - one option; a table of them ends with a NULL name
 * @name: without `=`; one that ends with `*` matches all that begin so
 * @offset: of the member
 * @words: OPT_CHOICE: ends with NULL
 */
struct opt_def {
	const char *name;
	enum opt_kind kind;
	size_t offset;
	int value;
	const char *const *words;
};

/**
 * struct opt_list - how a list is read
 * @defs: the table; @out: the struct that its offsets are in
 * @pass: gets each OPT_PASS option with its value, may be NULL; non-zero ends
 * @unknown: gets each unknown option; non-zero ends; NULL: they are an error
 * @arg: handed to both
 */
struct opt_list {
	const struct opt_def *defs;
	void *out;
	int (*pass)(void *arg, const char *option);
	int (*unknown)(void *arg, const char *option);
	void *arg;
};

/**
 * opt_parse - read one comma-separated list
 * @text: a backslash takes the meaning from the comma or backslash behind it;
 *        empty elements are nothing
 *
 * Of options given twice the last one counts. Return: 0; -EINVAL with @why,
 * which names the option and the nearest one that is known; or what a
 * callback returned; -ENOMEM.
 */
int opt_parse(const struct opt_list *list, const char *text,
	      struct errmsg *why);

#endif
