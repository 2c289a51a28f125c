/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing JSON. Keys and strings are ours and need no escaping, but for those
 * that json_text() takes. Errors are the stream's, for whoever closes it. One
 * thread.
 */
#ifndef BFS_BENCH_JSON_H
#define BFS_BENCH_JSON_H

#include <stddef.h>
#include <stdio.h>

/* Where we are: whether a comma is due. Begins as { stream }. */
struct json {
	FILE *out;
	int has_members;
};

/* @key is NULL in an array, and for the whole. @bracket is '{' or '['. */
void json_open(struct json *json, const char *key, char bracket);
void json_close(struct json *json, char bracket);

void json_number(struct json *json, const char *key, double value);
void json_text(struct json *json, const char *key, const char *text);
void json_flag(struct json *json, const char *key, int value);
void json_numbers(struct json *json, const char *key, const double *values,
		  size_t nr);

#endif
