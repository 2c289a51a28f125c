// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages to the operator: one line, made in one buffer and handed over by
 * one call, so that the lines of several threads don't mix. The settings are
 * made before there are threads; they are atomics all the same, since any
 * thread reads them.
 */
#include "config.h"

#include "dio/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static struct {
	_Atomic(const char *) program;
	atomic_int level;
	atomic_int to_syslog;
} logger = { .program = "bouncefs", .level = LOG_LEVEL_INFO };

void log_init(const char *program, enum log_level level)
{
	atomic_store(&logger.program, program);
	atomic_store(&logger.level, (int)level);
}

void log_to_syslog(void)
{
	openlog(atomic_load(&logger.program), LOG_PID, LOG_DAEMON);
	atomic_store(&logger.to_syslog, 1);
}

static int syslog_priority(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERR:
		return LOG_ERR;
	case LOG_LEVEL_WARN:
		return LOG_WARNING;
	case LOG_LEVEL_INFO:
		return LOG_INFO;
	case LOG_LEVEL_DEBUG:
		break;
	}
	return LOG_DEBUG;
}

/* A log that can't be written to is nobody's fault that we could tell. */
static void write_line(const char *line, size_t len)
{
	ssize_t ret;

	do
		ret = write(STDERR_FILENO, line, len);
	while (ret < 0 && errno == EINTR);
}

__attribute__((format(printf, 2, 0))) static void
log_vmsg(enum log_level level, const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES];
	size_t len;
	int ret;

	if (atomic_load(&logger.to_syslog)) {
		vsyslog(syslog_priority(level), fmt, ap);
		return;
	}
	ret = snprintf(line, sizeof(line),
		       "%s: ", atomic_load(&logger.program));
	len = ret < 0 ? 0 : (size_t)ret;
	if (len >= sizeof(line))
		return;
	ret = vsnprintf(line + len, sizeof(line) - len, fmt, ap);
	len += ret < 0 ? 0 : (size_t)ret;
	if (len > sizeof(line) - 1)
		len = sizeof(line) - 1;
	line[len++] = '\n';
	write_line(line, len);
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	int error = errno;
	va_list ap;

	if ((int)level > atomic_load(&logger.level))
		return;
	va_start(ap, fmt);
	log_vmsg(level, fmt, ap);
	va_end(ap);
	errno = error;
}

int errmsg_set(struct errmsg *msg, int error, const char *fmt, ...)
{
	va_list ap;

	if (!msg)
		return error;
	va_start(ap, fmt);
	vsnprintf(msg->text, sizeof(msg->text), fmt, ap);
	va_end(ap);
	return error;
}
