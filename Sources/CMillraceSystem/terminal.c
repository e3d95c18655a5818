#include "millrace_terminal.h"

#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;

/* Nothing but what a signal handler may do. */
static void give_back(int number) {
    static const char words[] = "\033[?25h\033[?1049l";
    ssize_t ignored = write(STDOUT_FILENO, words, sizeof words - 1);
    (void)ignored;
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    /* SA_RESETHAND: by now it is the default again, and takes its course when this returns. */
    raise(number);
}

int millrace_guard_terminal(void) {
    static const int numbers[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
    if (tcgetattr(STDIN_FILENO, &before) != 0) return -1;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = give_back;
    action.sa_flags = SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    for (unsigned index = 0; index < sizeof numbers / sizeof *numbers; index++) sigaction(numbers[index], &action, NULL);
    return 0;
}
