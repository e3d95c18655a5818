/* Ends as its argument says, with a mark to be noted in memory that children share, as a ledger's is. */
#define _GNU_SOURCE
#include "millrace_crash.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments) {
    const char *how = count > 1 ? arguments[1] : "";
    uint64_t *mark = mmap(NULL, sizeof *mark, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (mark == MAP_FAILED || millrace_note_crashes(mark) != 0) return 2;
    if (strcmp(how, "trap") == 0) {
#if defined(__x86_64__) || defined(__i386__)
        __asm__ volatile("int3");
#else
        raise(SIGTRAP);
#endif
        return 0; /* it was survived */
    }
    pid_t child = fork();
    if (child == 0 && strcmp(how, "own") == 0) {
        if (millrace_note_crashes(mark) != 0) return 2;
    }
    if (child == 0) abort();
    int status = 0;
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status)) return 2;
    return *mark != 0;
}
