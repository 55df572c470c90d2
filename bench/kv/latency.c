/* Round trips of GET on one connection of the kernel's: one request under way.
 *
 * latency ADDRESS PORT block|spin ROUNDS [IDLE_MS]      -> {"p50Ns":N,"p99Ns":N}
 *
 * block: waits in the kernel for the reply; spin: looks for it without end. IDLE_MS: so long nobody asks before each
 * request (0). */
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

static const char set[] = "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$32\r\n01234567890123456789012345678901\r\n";
static const char get[] = "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n";
static const char value[] = "$32\r\n01234567890123456789012345678901\r\n";

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

static void ask(int fd, const char *request, const char *reply, int flags) {
  char bytes[256];
  int length = strlen(reply), asked = strlen(request);
  if (send(fd, request, asked, 0) != asked) fail("send");
  for (int got = 0; got < length;) {
    int part = recv(fd, bytes + got, length - got, flags);
    if (part == 0) exit(3);
    if (part < 0 && errno != EAGAIN) fail("recv");
    if (part > 0) got += part;
    if (got == length && memcmp(bytes, reply, length) != 0) exit(4);
  }
}

int main(int count, char **words) {
  if (count < 5) return 2;
  int flags = strcmp(words[3], "spin") == 0 ? MSG_DONTWAIT : 0;
  int one = 1, rounds = atoi(words[4]), idleMs = count > 5 ? atoi(words[5]) : 0, fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(words[2]))};
  inet_pton(AF_INET, words[1], &address.sin_addr);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  ask(fd, set, "+OK\r\n", 0);
  long *took = malloc(rounds * sizeof *took);
  for (int round = -rounds / 10; round < rounds; round++) {
    if (idleMs > 0) usleep(idleMs * 1000);
    long start = now();
    ask(fd, get, value, flags);
    if (round >= 0) took[round] = now() - start;
  }
  qsort(took, rounds, sizeof *took, inOrder);
  printf("{\"p50Ns\":%ld,\"p99Ns\":%ld}\n", took[rounds / 2], took[rounds * 99L / 100]);
  return 0;
}
