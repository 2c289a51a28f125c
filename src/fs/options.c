// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options: see options.h. Nothing here keeps state; what is allocated is gone
 * when a function returns.
 */
#include "config.h"

#include "fs/options.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Longer words are cut for the comparison: nobody mistypes that much. */
#define NEAREST_MAX 32

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Optimal string alignment distance of the first NEAREST_MAX bytes. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[3][NEAREST_MAX + 1];
	size_t la = strnlen(a, NEAREST_MAX), lb = strnlen(b, NEAREST_MAX);
	size_t i, j;

	for (j = 0; j <= lb; j++)
		row[0][j] = (unsigned int)j;
	for (i = 1; i <= la; i++) {
		unsigned int *now = row[i % 3];
		const unsigned int *prev = row[(i + 2) % 3];
		const unsigned int *prev2 = row[(i + 1) % 3];

		now[0] = (unsigned int)i;
		for (j = 1; j <= lb; j++) {
			unsigned int cost = a[i - 1] != b[j - 1];

			now[j] = least(prev[j] + 1, now[j - 1] + 1);
			now[j] = least(now[j], prev[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				now[j] = least(now[j], prev2[j - 2] + 1);
		}
	}
	return row[la % 3][lb];
}

const char *opt_nearest(const char *word, const char *const *known)
{
	size_t len = strnlen(word, NEAREST_MAX);
	unsigned int best = (unsigned int)len / 3 + 1;
	const char *found = NULL;

	for (; *known; known++) {
		unsigned int d = distance(word, *known);

		/* Sharing no more than a letter or two is no likeness. */
		if (d >= len || d >= strnlen(*known, NEAREST_MAX))
			continue;
		if (found ? d < best : d <= best) {
			best = d;
			found = *known;
		}
	}
	return found;
}

static int digits(const char **text, uint64_t *out)
{
	const char *p = *text;
	uint64_t n = 0;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		if (__builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (unsigned int)(*p - '0'), &n))
			return -ERANGE;
	}
	*text = p;
	*out = n;
	return 0;
}

int opt_size(const char *text, uint64_t *out)
{
	static const char suffixes[] = "KMGTP";
	const char *suffix;
	uint64_t n;
	int ret;

	ret = digits(&text, &n);
	if (ret)
		return ret;
	if (*text) {
		suffix = strchr(suffixes, toupper((unsigned char)*text));
		if (suffix) {
			unsigned int shift =
				10 * (unsigned int)(suffix - suffixes + 1);

			if (n > UINT64_MAX >> shift)
				return -ERANGE;
			n <<= shift;
			text++;
			if (*text == 'i')
				text += text[1] == 'B';
		}
		if (*text == 'B')
			text++;
	}
	if (*text)
		return -EINVAL;
	*out = n;
	return 0;
}

int opt_uint(const char *text, unsigned int max, unsigned int *out)
{
	uint64_t n;
	int ret = digits(&text, &n);

	if (ret)
		return ret;
	if (*text)
		return -EINVAL;
	if (n > max)
		return -ERANGE;
	*out = (unsigned int)n;
	return 0;
}

static const struct opt_def *find(const struct opt_def *defs, const char *name,
				  size_t len)
{
	for (; defs->name; defs++) {
		size_t n = strlen(defs->name);

		if (n && defs->name[n - 1] == '*') {
			if (len >= n - 1 && !memcmp(defs->name, name, n - 1))
				return defs;
		} else if (n == len && !memcmp(defs->name, name, n)) {
			return defs;
		}
	}
	return NULL;
}

static int unknown(const struct opt_list *list, const char *option, size_t len,
		   struct errmsg *why)
{
	const struct opt_def *def;
	const char **names, *nearest;
	char *word;
	size_t nr = 0;
	int ret;

	if (list->unknown)
		return list->unknown(list->arg, option);
	for (def = list->defs; def->name; def++)
		nr++;
	names = calloc(nr + 1, sizeof(*names));
	word = strndup(option, len);
	if (!names || !word) {
		ret = -ENOMEM;
		goto out;
	}
	nr = 0;
	for (def = list->defs; def->name; def++) {
		if (!strchr(def->name, '*'))
			names[nr++] = def->name;
	}
	nearest = opt_nearest(word, names);
	if (nearest)
		ret = errmsg_set(why, -EINVAL,
				 "unknown option \"%s\"; did you mean \"%s\"?",
				 word, nearest);
	else
		ret = errmsg_set(why, -EINVAL, "unknown option \"%s\"", word);
out:
	free(word);
	free(names);
	return ret;
}

static int choose(const struct opt_def *def, const char *value, int *out,
		  struct errmsg *why)
{
	char all[160] = "";
	int i;

	for (i = 0; def->words[i]; i++) {
		if (!strcmp(def->words[i], value)) {
			*out = i;
			return 0;
		}
		if (i)
			strncat(all, ", ", sizeof(all) - strlen(all) - 1);
		strncat(all, def->words[i], sizeof(all) - strlen(all) - 1);
	}
	return errmsg_set(why, -EINVAL, "%s=%s: must be one of %s", def->name,
			  value, all);
}

static int one_number(const struct opt_def *def, const char *value, void *at,
		      struct errmsg *why)
{
	uint64_t size;
	int ret;

	if (def->kind == OPT_UINT) {
		ret = opt_uint(value, (unsigned int)def->value, at);
		if (ret == -ERANGE)
			return errmsg_set(why, -EINVAL, "%s=%s: at most %d",
					  def->name, value, def->value);
		if (ret)
			return errmsg_set(why, -EINVAL, "%s=%s: not a number",
					  def->name, value);
		return 0;
	}
	ret = opt_size(value, &size);
	if (ret || size > SIZE_MAX)
		return errmsg_set(
			why, -EINVAL,
			"%s=%s: not a size (a number, then K, M, G or T)",
			def->name, value);
	*(size_t *)at = (size_t)size;
	return 0;
}

static int one(const struct opt_list *list, const char *option,
	       struct errmsg *why)
{
	size_t len = strcspn(option, "=");
	const char *value = option[len] ? option + len + 1 : NULL;
	const struct opt_def *def = find(list->defs, option, len);
	void *at;

	if (!def)
		return unknown(list, option, len, why);
	if (def->kind == OPT_IGNORE)
		return 0;
	if (def->kind == OPT_PASS)
		return list->pass ? list->pass(list->arg, option) : 0;

	at = (char *)list->out + def->offset;
	if (def->kind == OPT_SET) {
		if (value)
			return errmsg_set(why, -EINVAL, "%s takes no value",
					  def->name);
		*(int *)at = def->value;
		return 0;
	}
	if (!value || !*value)
		return errmsg_set(why, -EINVAL, "%s needs a value (%s=...)",
				  def->name, def->name);
	if (def->kind == OPT_CHOICE)
		return choose(def, value, at, why);
	return one_number(def, value, at, why);
}

int opt_parse(const struct opt_list *list, const char *text, struct errmsg *why)
{
	char *word = malloc(strlen(text) + 1);
	size_t n = 0;
	int ret = 0;

	if (!word)
		return -ENOMEM;
	for (;; text++) {
		if (*text == '\\' && (text[1] == ',' || text[1] == '\\')) {
			word[n++] = *++text;
			continue;
		}
		if (*text && *text != ',') {
			word[n++] = *text;
			continue;
		}
		word[n] = 0;
		if (n)
			ret = one(list, word, why);
		n = 0;
		if (ret || !*text)
			break;
	}
	free(word);
	return ret;
}
