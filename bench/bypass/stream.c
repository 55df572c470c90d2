/* One end of a stream of TCP on a socket of the kernel's: it sends so many bytes of a pattern, or takes them and compares each.
 *
 * stream serve ADDRESS PORT send|receive BYTES CONGESTION | stream connect ADDRESS PORT send|receive BYTES CONGESTION
 *   -> {"seconds":S,"bytes":N,"resent":N}; seconds from the connection to the last byte, as whoever receives sees it. IPv4 and IPv6. */
#define _GNU_SOURCE
#include <netdb.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* A prime, more than a window holds: a piece in the wrong place is another one. */
enum { period = 1048573, chunk = 262144 };
static uint8_t pattern[period + chunk], bytes[chunk];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int count, char **words) {
  if (count != 7) return 2;
  uint32_t state = 12;
  for (int i = 0; i < period; i++) {
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;
    pattern[i] = state;
  }
  memcpy(pattern + period, pattern, chunk);
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *to;
  if (getaddrinfo(words[2], words[3], &hints, &to) != 0) fail("address");
  int one = 1, fd = socket(to->ai_family, SOCK_STREAM, 0), sends = strcmp(words[4], "send") == 0;
  if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, words[6], strlen(words[6])) < 0) fail("congestion");
  if (strcmp(words[1], "serve") == 0) {
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, to->ai_addr, to->ai_addrlen) < 0 || listen(fd, 1) < 0) fail("listen");
    puts("ready");
    fflush(stdout);
    fd = accept(fd, 0, 0);
  } else if (connect(fd, to->ai_addr, to->ai_addrlen) < 0) fail("connect");
  double start = now();
  uint64_t length = strtoull(words[5], 0, 10), done = 0;
  while (done < length || !sends) {
    uint64_t most = length - done < chunk ? length - done : chunk;
    ssize_t part = sends ? send(fd, pattern + done % period, most, 0) : recv(fd, bytes, chunk, 0);
    if (part < 0) fail(words[4]);
    if (part == 0) break;
    if (!sends && (done + part > length || memcmp(bytes, pattern + done % period, part) != 0)) {
      fprintf(stderr, "another byte than was sent, between %llu and %llu\n", (unsigned long long)done, (unsigned long long)(done + part));
      return 3;
    }
    done += part;
  }
  double seconds = now() - start;
  struct tcp_info info = {0};
  socklen_t size = sizeof info;
  getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
  shutdown(fd, SHUT_WR);
  // A peer that leaves before its end has arrived is not waited for.
  struct timeval patience = {.tv_sec = 5};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (sends)
    while (recv(fd, bytes, chunk, 0) > 0) {}
  printf("{\"seconds\":%.6f,\"bytes\":%llu,\"resent\":%u}\n", seconds, (unsigned long long)done, info.tcpi_total_retrans);
  return done == length ? 0 : 3;
}
