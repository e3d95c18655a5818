// One connection and one queue of a broker, as fast as it answers. It does no more than frames need, so that what is
// measured is the broker. A classic queue, transient messages, guest.
//
//   broker_client PORT QUEUE publish COUNT OCTETS WINDOW    with confirms, WINDOW of them outstanding at most
//   broker_client PORT QUEUE consume COUNT PREFETCH         an ack for each message, those of one read in one write
//   broker_client PORT QUEUE both COUNT OCTETS WINDOW PREFETCH    at the same time, a channel each
//   broker_client PORT QUEUE delete
//
// It prints seconds and messages per second, and fails unless each message is confirmed, and comes once and in order.
#include "common.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static int fd;
static uint8_t *out, *in;
static size_t outCount, outSent, outRoom = 1 << 20, inCount, inPlace, inRoom = 1 << 20;

static void fail(const char *what) {
  fprintf(stderr, "broker_client: %s\n", what);
  exit(1);
}

// What is sent.
static size_t frameStart;
static void room(size_t more) {
  while (outCount + more > outRoom)
    if (!(out = realloc(out, outRoom *= 2))) fail("no memory");
}
static void octets(const void *what, size_t count) {
  room(count);
  memcpy(out + outCount, what, count);
  outCount += count;
}
static void number(uint64_t value, int width) {
  uint8_t big[8];
  for (int i = 0; i < width; i++) big[i] = value >> (8 * (width - 1 - i));
  octets(big, width);
}
static void text(const char *what) {
  number(strlen(what), 1);
  octets(what, strlen(what));
}
static void begin(int type, int channel) {
  frameStart = outCount;
  number(type, 1), number(channel, 2), number(0, 4);
}
static void method(int channel, int class, int id) { begin(1, channel), number(class, 2), number(id, 2); }
static void end(void) {
  uint32_t size = htonl(outCount - frameStart - 7);
  memcpy(out + frameStart + 3, &size, 4);
  number(0xCE, 1);
}

// Waits until something came, or, if there is something to send, until that can go on.
static void move(void) {
  for (;;) {
    if (outSent < outCount) {
      ssize_t sent = send(fd, out + outSent, outCount - outSent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) outSent += sent;
      if (outSent == outCount) outSent = outCount = 0;
    }
    if (inPlace) memmove(in, in + inPlace, inCount - inPlace), inCount -= inPlace, inPlace = 0;
    if (inCount == inRoom && !(in = realloc(in, inRoom *= 2))) fail("no memory");
    ssize_t came = recv(fd, in + inCount, inRoom - inCount, MSG_DONTWAIT);
    if (came == 0) fail("the broker has closed the connection");
    if (came > 0) {
      inCount += came;
      return;
    }
    struct pollfd ready = {.fd = fd, .events = POLLIN | (outSent < outCount ? POLLOUT : 0)};
    poll(&ready, 1, -1);
  }
}

// The next frame that is whole; null if there is none yet.
static uint8_t *frame(uint32_t *size) {
  if (inCount - inPlace < 8) return 0;
  memcpy(size, in + inPlace + 3, 4);
  *size = ntohl(*size);
  if (inCount - inPlace < *size + 8) return 0;
  uint8_t *start = in + inPlace;
  if (start[7 + *size] != 0xCE) fail("a frame without an end");
  inPlace += *size + 8;
  return start;
}
static int is(const uint8_t *start, int class, int id) {
  return start[0] == 1 && start[7] == 0 && start[8] == class && start[9] == 0 && start[10] == id;
}
static void expect(int class, int id) {
  uint32_t size;
  for (;;) {
    uint8_t *start = frame(&size);
    if (!start) move();
    else if (is(start, class, id)) return;
    else if (is(start, 10, 50) || is(start, 20, 40)) fail((char *)start + 14);
  }
}
static uint64_t big(const uint8_t *at, int width) {
  uint64_t value = 0;
  while (width--) value = value << 8 | *at++;
  return value;
}

static void connectTo(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int one = 1;
  out = malloc(outRoom), in = malloc(inRoom);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) fail("nobody listens");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  octets("AMQP\0\0\x9\x1", 8);
  expect(10, 10);
  method(0, 10, 11), number(0, 4), text("PLAIN"), number(12, 4), octets("\0guest\0guest", 12), text("en_US"), end();
  expect(10, 30);
  method(0, 10, 31), number(2047, 2), number(131072, 4), number(0, 2), end();
  method(0, 10, 40), text("/"), text(""), number(0, 1), end();
  expect(10, 41);
  for (int channel = 1; channel <= 2; channel++) method(channel, 20, 10), text(""), end(), expect(20, 11);
}

int main(int argc, char **argv) {
  if (argc < 4) fail("PORT QUEUE publish|consume|both|delete …");
  const char *queue = argv[2], *what = argv[3];
  int publishes = !strcmp(what, "publish") || !strcmp(what, "both"), consumes = !strcmp(what, "consume") || !strcmp(what, "both");
  if (argc != 4 + (publishes ? 3 : 0) + (consumes ? (publishes ? 1 : 2) : 0)) fail("wrong number of arguments");
  long count = argc > 4 ? atol(argv[4]) : 0, body = publishes ? atol(argv[5]) : 0, window = publishes ? atol(argv[6]) : 0;
  connectTo(atoi(argv[1]));
  if (!publishes && !consumes) {
    method(1, 50, 40), number(0, 2), text(queue), number(0, 1), end();
    expect(50, 41);
    return 0;
  }
  method(1, 50, 10), number(0, 2), text(queue), number(0, 1), number(0, 4), end();
  expect(50, 11);
  if (publishes) method(1, 85, 10), number(0, 1), end(), expect(85, 11);
  if (consumes) {
    method(2, 60, 10), number(0, 4), number(atol(argv[argc - 1]), 2), number(0, 1), end(), expect(60, 11);
    method(2, 60, 20), number(0, 2), text(queue), text("c"), number(0, 1), number(0, 4), end();
  }
  long sent = 0, confirmed = 0, came = 0, left = 0;
  uint64_t lowest = 1;
  uint8_t *isConfirmed = calloc(count + 1, 1);
  double start = now();
  while ((publishes && confirmed < count) || (consumes && came < count)) {
    while (publishes && sent < count && sent - confirmed < window && outCount - outSent < 1 << 18) {
      method(1, 60, 40), number(0, 2), text(""), text(queue), number(0, 1), end();
      begin(2, 1), number(60, 2), number(0, 2), number(body, 8), number(0x1000, 2), number(1, 1), end();
      begin(3, 1), room(body), memset(out + outCount, 'a', body), outCount += body;
      memcpy(out + outCount - 8, &sent, 8);  // its number, so that order and loss are seen
      end();
      sent++;
    }
    move();
    uint32_t size;
    for (uint8_t *at; (at = frame(&size));) {
      if (is(at, 60, 80)) {
        uint64_t tag = big(at + 11, 8);
        if (tag > (uint64_t)sent) fail("a confirm of nothing");
        for (uint64_t one = at[19] & 1 ? lowest : tag; one <= tag; one++) confirmed += !isConfirmed[one], isConfirmed[one] = 1;
        if (at[19] & 1) lowest = tag + 1;
      } else if (is(at, 60, 60)) {
        uint64_t tag = big(at + 12 + at[11], 8);
        if (tag != (uint64_t)came + 1) fail("a delivery tag is out of order");
        method(2, 60, 80), number(tag, 8), number(0, 1), end();
      } else if (at[0] == 2) {
        left = big(at + 11, 8);
      } else if (at[0] == 3) {
        left -= size;
        if (left) continue;
        uint64_t stamp;
        memcpy(&stamp, at + 7 + size - 8, 8);
        if (stamp != (uint64_t)came) fail("a message is missing, or out of order");
        came++;
      } else if (at[0] == 1 && !is(at, 60, 21)) {
        fail("the broker has said something else");
      }
    }
  }
  double seconds = now() - start;
  // The last acks have arrived when the broker answers what comes behind them.
  if (consumes) method(2, 20, 40), number(200, 2), text(""), number(0, 4), end(), expect(20, 41);
  printf("%.4f %.0f\n", seconds, count / seconds);
  return 0;
}
