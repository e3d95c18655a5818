/* Who was at it when the process died: for the crash ledger. */
#ifndef MILLRACE_CRASH_H
#define MILLRACE_CRASH_H

#include <stdint.h>

/*
 * From now on a signal that ends the process because of what a thread of it did (SIGILL, SIGTRAP, SIGSEGV, SIGBUS,
 * SIGFPE, SIGABRT, SIGSYS) is noted in *mark before it takes its course: the signal's number in the upper 32 bits, the
 * thread's id in the lower. The first one stays; a mark that is not 0 is left alone. Handlers that were there before run
 * after ours. A signal that another process sent is not noted, and neither
 * is the end of a forked child.
 *
 * 0, or -1 if there are too many marks already. mark: 8 octets, aligned; the caller's, valid until forgotten.
 */
int32_t millrace_note_crashes(volatile uint64_t *mark);

/* No more notes there. Any thread; what was not registered is ignored. */
void millrace_forget_crashes(volatile uint64_t *mark);

/* The calling thread's id, as the mark has it; never 0. */
uint32_t millrace_thread_id(void);

/*
 * Gives the calling thread memory for its signal handlers, so that the overflow of its stack can be noted too. NULL if
 * it has such memory already, or there is none. What comes back is given to millrace_drop_signal_stack on that thread.
 */
void *millrace_make_signal_stack(void);
void millrace_drop_signal_stack(void *stack);

#endif
