// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writing JSON, one member in a line. One thread.
 */
#include "config.h"

#include "json.h"

static void begin_member(struct json *json, const char *key)
{
	fputs(json->has_members ? ",\n" : "\n", json->out);
	json->has_members = 1;
	if (key)
		fprintf(json->out, "\"%s\": ", key);
}

void json_open(struct json *json, const char *key, char bracket)
{
	begin_member(json, key);
	fputc(bracket, json->out);
	json->has_members = 0;
}

void json_close(struct json *json, char bracket)
{
	fputc('\n', json->out);
	fputc(bracket, json->out);
	json->has_members = 1;
}

void json_number(struct json *json, const char *key, double value)
{
	begin_member(json, key);
	fprintf(json->out, "%.6g", value);
}

void json_text(struct json *json, const char *key, const char *text)
{
	begin_member(json, key);
	fputc('"', json->out);
	for (; *text; text++) {
		if ((unsigned char)*text < ' ')
			continue;
		if (*text == '"' || *text == '\\')
			fputc('\\', json->out);
		fputc(*text, json->out);
	}
	fputc('"', json->out);
}

void json_flag(struct json *json, const char *key, int value)
{
	begin_member(json, key);
	fputs(value ? "true" : "false", json->out);
}

void json_numbers(struct json *json, const char *key, const double *values,
		  size_t nr)
{
	begin_member(json, key);
	fputc('[', json->out);
	for (size_t i = 0; i < nr; i++)
		fprintf(json->out, "%s%.6g", i ? ", " : "", values[i]);
	fputc(']', json->out);
}
