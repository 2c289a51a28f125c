/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What bounce-bench's benchmarks share. One thread.
 */
#ifndef BFS_BENCH_BENCH_H
#define BFS_BENCH_BENCH_H

#define PROGRAM "bounce-bench"

/* Exit status where the command line is wrong, and where nothing was proved. */
#define EXIT_USAGE 2
#define EXIT_VOID  3

/*
 * Each gets its own arguments, its name being the first. Return: an exit
 * status.
 */
int bench_pi(int argc, char **argv);

#endif
