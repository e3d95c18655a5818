/* Signals that reach a thread which does not block them. */
#ifndef MILLRACE_SIGNALS_H
#define MILLRACE_SIGNALS_H

/*
 * Makes the calling thread the one that gets these signals: it blocks them and takes them with sigwait, and whichever
 * other thread the system gives one to passes it on to it. A library may have a thread that blocks nothing, and a signal
 * would end the process there. Once for a process. Returns 0, or the number of an error.
 */
int millrace_gather_signals(const int *numbers, int count);

#endif
