/* What Swift's Glibc module lacks. */
#ifndef MILLRACE_SYSTEM_H
#define MILLRACE_SYSTEM_H

#include "millrace_crash.h"
#include "millrace_signals.h"
#include "millrace_terminal.h"

#include <features.h>
#ifdef __GLIBC__
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>
#endif

/*
 * Keeps freed memory in the process instead of giving it back at once. Read buffers and bodies of some 64 KiB come and
 * go thousands of times a second; by default glibc returns them to the kernel each time, and the page faults of getting
 * them again cost more than the work on them. What is kept, each arena keeps for itself, and by default there may be
 * eight of them for a processor: now there is one, and two at least, since no more threads than that run at a time; who
 * sets MALLOC_ARENA_MAX knows better. For programs, not for libraries: it is the whole process's setting.
 */
static inline void millrace_keep_freed_memory(void) {
#ifdef __GLIBC__
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (getenv("MALLOC_ARENA_MAX") == NULL) mallopt(M_ARENA_MAX, processors > 2 ? (int)processors : 2);
#endif
}

#endif
