#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "millrace_crash.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

enum { mark_limit = 16, stack_size = 64 * 1024 };

static const int signals[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGSYS};
enum { signal_count = sizeof signals / sizeof signals[0] };

static _Atomic(uint64_t *) marks[mark_limit];
static struct sigaction before[signal_count];
/* A child that was forked has the same memory, and its end is not ours. */
static _Atomic int owner;
static pthread_once_t once = PTHREAD_ONCE_INIT;

uint32_t millrace_thread_id(void) {
#ifdef __linux__
    return (uint32_t)syscall(SYS_gettid);
#else
    uint64_t id = 0;
    pthread_threadid_np(NULL, &id);
    return (uint32_t)id;
#endif
}

/* Only what is allowed in a signal handler: atomics, sigaction, getpid, gettid, raise. */
static void on_crash(int number, siginfo_t *info, void *context) {
    (void)context;
    /* Above 0: the kernel's own, about what this thread did. Else somebody sent it; abort() sends it to itself. */
    int is_ours = getpid() == atomic_load(&owner) && (info->si_code > 0 || info->si_pid == getpid());
    uint64_t note = (uint64_t)(uint32_t)number << 32 | millrace_thread_id();
    for (int index = 0; is_ours && index < mark_limit; index++) {
        _Atomic uint64_t *mark = (_Atomic uint64_t *)atomic_load(&marks[index]);
        uint64_t none = 0;
        if (mark) atomic_compare_exchange_strong(mark, &none, note);
    }
    for (int index = 0; index < signal_count; index++) {
        if (signals[index] == number) sigaction(number, &before[index], NULL);
    }
    /*
     * A fault happens again when this returns, and meets the handler of before. What was sent has to be sent again, and
     * so has a trap that the processor or the kernel takes for done (int3, a system call that a filter refuses).
     */
    if (info->si_code <= 0 || number == SIGTRAP || number == SIGSYS) raise(number);
}

static void install(void) {
    struct sigaction action = {0};
    action.sa_sigaction = on_crash;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (int index = 0; index < signal_count; index++) sigaction(signals[index], &action, &before[index]);
}

int32_t millrace_note_crashes(volatile uint64_t *mark) {
    atomic_store(&owner, getpid());
    for (int index = 0; index < mark_limit; index++) {
        uint64_t *none = NULL;
        if (atomic_compare_exchange_strong(&marks[index], &none, (uint64_t *)mark)) {
            pthread_once(&once, install);
            return 0;
        }
    }
    return -1;
}

void millrace_forget_crashes(volatile uint64_t *mark) {
    for (int index = 0; index < mark_limit; index++) {
        uint64_t *registered = (uint64_t *)mark;
        if (atomic_compare_exchange_strong(&marks[index], &registered, NULL)) return;
    }
}

void *millrace_make_signal_stack(void) {
    stack_t stack;
    if (sigaltstack(NULL, &stack) != 0 || !(stack.ss_flags & SS_DISABLE)) return NULL;
    stack.ss_sp = malloc(stack_size);
    stack.ss_size = stack_size;
    stack.ss_flags = 0;
    if (stack.ss_sp && sigaltstack(&stack, NULL) == 0) return stack.ss_sp;
    free(stack.ss_sp);
    return NULL;
}

void millrace_drop_signal_stack(void *memory) {
    stack_t stack = {0};
    if (!memory) return;
    stack.ss_flags = SS_DISABLE;
    stack.ss_size = stack_size;
    sigaltstack(&stack, NULL);
    free(memory);
}
