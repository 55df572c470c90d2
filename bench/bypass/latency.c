/* Ping-pong over TCP on sockets of the kernel's: one message under way.
 *
 * latency serve ADDRESS PORT BYTES block|spin            sends each message back
 * latency ask ADDRESS PORT BYTES block|spin ROUNDS       -> {"p50Ns":N,"p99Ns":N,"sendNs":N}
 *
 * block: waits in the kernel for a message; spin: looks for it without end. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000L + t.tv_nsec;
}

static int inOrder(const void *one, const void *other) {
  long a = *(const long *)one, b = *(const long *)other;
  return (a > b) - (a < b);
}

static void take(int fd, char *bytes, int length, int flags) {
  for (int got = 0; got < length;) {
    int part = recv(fd, bytes + got, length - got, flags);
    if (part == 0) exit(0);
    if (part < 0 && errno != EAGAIN) fail("recv");
    if (part > 0) got += part;
  }
}

int main(int count, char **words) {
  if (count < 6) return 2;
  int flags = strcmp(words[5], "spin") == 0 ? MSG_DONTWAIT : 0;
  int one = 1, length = atoi(words[4]), fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(words[3]))};
  inet_pton(AF_INET, words[2], &address.sin_addr);
  char *bytes = calloc(1, length);
  if (strcmp(words[1], "serve") == 0) {
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1) < 0) fail("listen");
    puts("ready");
    fflush(stdout);
    fd = accept(fd, 0, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    for (;;) {
      take(fd, bytes, length, flags);
      if (send(fd, bytes, length, 0) != length) fail("send");
    }
  }
  int rounds = atoi(words[6]);
  long *took = malloc(rounds * sizeof *took), *sending = malloc(rounds * sizeof *sending);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  for (int round = -rounds / 10; round < rounds; round++) {
    bytes[0] = round;
    long start = now();
    if (send(fd, bytes, length, 0) != length) fail("send");
    long sent = now();
    take(fd, bytes, length, flags);
    if (round >= 0) took[round] = now() - start, sending[round] = sent - start;
    if (bytes[0] != (char)round) return 3;
  }
  qsort(took, rounds, sizeof *took, inOrder);
  qsort(sending, rounds, sizeof *sending, inOrder);
  printf("{\"p50Ns\":%ld,\"p99Ns\":%ld,\"sendNs\":%ld}\n", took[rounds / 2], took[rounds * 99L / 100], sending[rounds / 2]);
  return 0;
}
