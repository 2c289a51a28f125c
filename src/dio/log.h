/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages to the operator. They go to stderr, or to syslog once
 * log_to_syslog() was called (when the daemon has gone to the background).
 * Any thread; one call is one line.
 */
#ifndef BFS_DIO_LOG_H
#define BFS_DIO_LOG_H

enum log_level { LOG_LEVEL_ERR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* The prefix ("bouncefs", "mkfs.bouncefs"...) is borrowed for ever. */
void log_init(const char *program, enum log_level level);
void log_to_syslog(void);

void log_msg(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_err(...) log_msg(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...) log_msg(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_msg(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_LEVEL_DEBUG, __VA_ARGS__)

/*
 * Why something that a user asked for was refused, as one sentence that says
 * what to do; for functions whose errno alone would not tell.
 */
struct errmsg {
	char text[512];
};

/* Formats @msg (NULL is allowed) and returns @error, for `return`. */
int errmsg_set(struct errmsg *msg, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
