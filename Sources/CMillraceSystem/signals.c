#include "millrace_signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

/* Written once, before the handler is installed. */
static pthread_t taker;

/* Nothing here but what POSIX allows in a handler. */
static void pass_on(int number) {
    int error = errno;
    pthread_kill(taker, number);
    errno = error;
}

int millrace_gather_signals(const int *numbers, int count) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = pass_on;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (int index = 0; index < count; index++) sigaddset(&action.sa_mask, numbers[index]);
    taker = pthread_self();
    for (int index = 0; index < count; index++) {
        if (sigaction(numbers[index], &action, NULL) != 0) return errno;
    }
    return 0;
}
