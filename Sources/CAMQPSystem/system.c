#define _GNU_SOURCE
#include "amqp_system.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

int32_t amqp_make_epoll(void) { return epoll_create1(EPOLL_CLOEXEC); }

int32_t amqp_make_bell(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

void amqp_ring(int32_t bell) {
    uint64_t one = 1;
    /* It fails only where it rings already. */
    if (write(bell, &one, sizeof one) < 0) return;
}

void amqp_silence(int32_t bell) {
    uint64_t count;
    if (read(bell, &count, sizeof count) < 0) return;
}

static int32_t set(int32_t epoll, int operation, int32_t descriptor, uint32_t events) {
    struct epoll_event event = {0};
    if (events & AMQP_READABLE) event.events |= EPOLLIN;
    if (events & AMQP_WRITABLE) event.events |= EPOLLOUT;
    event.data.fd = descriptor;
    return epoll_ctl(epoll, operation, descriptor, &event);
}

int32_t amqp_add_interest(int32_t epoll, int32_t descriptor, uint32_t events) {
    return set(epoll, EPOLL_CTL_ADD, descriptor, events);
}

int32_t amqp_set_interest(int32_t epoll, int32_t descriptor, uint32_t events) {
    return set(epoll, EPOLL_CTL_MOD, descriptor, events);
}

uint32_t amqp_wait_epoll(int32_t epoll, int32_t descriptor, int32_t milliseconds) {
    struct epoll_event events[2];
    uint32_t ready = 0;
    int count = epoll_wait(epoll, events, 2, milliseconds);
    for (int index = 0; index < count; index++) {
        if (events[index].data.fd != descriptor) continue;
        if (events[index].events & EPOLLIN) ready |= AMQP_READABLE;
        if (events[index].events & EPOLLOUT) ready |= AMQP_WRITABLE;
        if (events[index].events & (EPOLLHUP | EPOLLERR)) ready |= AMQP_READABLE | AMQP_HUNG_UP;
    }
    return ready;
}

uint32_t amqp_wait_socket(int32_t socket, int32_t bell, uint64_t nanoseconds) {
    struct pollfd polled[2] = {{.fd = socket, .events = POLLIN}, {.fd = bell, .events = POLLIN}};
    struct timespec time = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};
    if (ppoll(polled, 2, nanoseconds == UINT64_MAX ? NULL : &time, NULL) <= 0) return 0;
    return (polled[0].revents ? AMQP_SOCKET : 0) | (polled[1].revents ? AMQP_BELL : 0);
}

static _Thread_local uint8_t levels[16];
static _Thread_local uint32_t taken;

uint8_t amqp_take_level(uint8_t level) {
    uint8_t latest = taken > 0 && taken <= 16 ? levels[taken - 1] : 0;
    if (taken < 16) levels[taken] = level;
    taken++;
    return latest;
}

void amqp_drop_level(void) { taken--; }

void amqp_give_back_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

#ifdef DEBUG
static _Thread_local void *world;

void *amqp_world(void) { return world; }

void amqp_set_world(void *next) { world = next; }
#endif
