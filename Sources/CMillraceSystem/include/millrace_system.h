/* What Swift's Glibc module lacks. */
#ifndef MILLRACE_SYSTEM_H
#define MILLRACE_SYSTEM_H

#include "millrace_crash.h"

#include <features.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/*
 * Keeps freed memory in the process instead of giving it back at once. Read buffers and bodies of some 64 KiB come and
 * go thousands of times a second; by default glibc returns them to the kernel each time, and the page faults of getting
 * them again cost more than the work on them. For programs, not for libraries: it is the whole process's setting.
 */
static inline void millrace_keep_freed_memory(void) {
#ifdef __GLIBC__
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
#endif
}

#endif
