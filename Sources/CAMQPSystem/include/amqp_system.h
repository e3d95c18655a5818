/* What Swift and its Glibc module do not have: epoll, eventfd, variables of a thread, and the allocator. */
#ifndef AMQP_SYSTEM_H
#define AMQP_SYSTEM_H

#include <stdint.h>

/* What a descriptor is ready for. What has hung up or failed is readable too: whoever reads learns of it. */
enum { AMQP_READABLE = 1, AMQP_WRITABLE = 2, AMQP_HUNG_UP = 4 };

/* An epoll instance, or an eventfd that never blocks; both are closed by exec. -1 and errno on failure. */
int32_t amqp_make_epoll(void);
int32_t amqp_make_bell(void);

/* Rings an eventfd until it is silenced. */
void amqp_ring(int32_t bell);
void amqp_silence(int32_t bell);

/*
 * What an epoll instance waits for on a descriptor, from now on; 0 leaves hang-ups and errors. A thread that waits
 * meanwhile goes by it at once. 0, or -1 and errno.
 */
int32_t amqp_add_interest(int32_t epoll, int32_t descriptor, uint32_t events);
int32_t amqp_set_interest(int32_t epoll, int32_t descriptor, uint32_t events);

/*
 * Waits for one of two descriptors of an epoll instance, at most so many milliseconds: bits of what the first one is
 * ready for. What the other one has is no more than a reason to return.
 */
uint32_t amqp_wait_epoll(int32_t epoll, int32_t descriptor, int32_t milliseconds);

/* What ended a wait. */
enum { AMQP_SOCKET = 1, AMQP_BELL = 2 };

/*
 * Waits until a socket is readable or a bell rings. 0 when so many nanoseconds have passed (never, if UINT64_MAX), or
 * for no reason.
 */
uint32_t amqp_wait_socket(int32_t socket, int32_t bell, uint64_t nanoseconds);

/*
 * The levels of the locks that the calling thread holds, the latest last. Taking gives the latest one before, 0 for none;
 * more than 16 are not kept apart.
 */
uint8_t amqp_take_level(uint8_t level);
void amqp_drop_level(void);

/* Gives memory that is free back to the system, wherever it lies; takes milliseconds for each hundred megabytes. */
void amqp_give_back_memory(void);

/* What the calling thread belongs to in a simulation; NULL for a thread of the system. In debug builds alone. */
void *amqp_world(void);
void amqp_set_world(void *world);

#endif
