/* A terminal that a program has for itself, and a crash. */
#ifndef MILLRACE_TERMINAL_H
#define MILLRACE_TERMINAL_H

/*
 * From now on a signal that ends the process because of what it did (SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT)
 * gives the terminal of standard input the modes back that it has now, shows the cursor and leaves the second screen,
 * before it takes its course. 0, or -1 if standard input is no terminal.
 */
int millrace_guard_terminal(void);

#endif
