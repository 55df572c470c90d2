/* Asks for one path again and again on one connection, and takes the time of each request, no other figure: wrk adds to
 * what it measured the requests that it would have made during a long one, so that one pause of 20 ms in two seconds is its p99.
 *
 * ask PORT PATH SECONDS  -> {"requests":N,"p50Us":X,"p99Us":X,"longUs":X,"waitedUs":X}
 *
 * longUs: all requests above a millisecond, together; waitedUs: how long this process waited for a processor. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { mostRequests = 4000000 };

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double nowUs(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int inOrder(const void *one, const void *other) {
  float a = *(const float *)one, b = *(const float *)other;
  return (a > b) - (a < b);
}

/* Reads one response to its end. */
static void take(int fd) {
  static char bytes[65536];
  int got = 0, whole = -1;
  while (whole < 0 || got < whole) {
    int part = read(fd, bytes + got, sizeof bytes - 1 - got);
    if (part <= 0) fail("read");
    got += part;
    bytes[got] = 0;
    char *end = whole < 0 ? strstr(bytes, "\r\n\r\n") : NULL;
    if (end == NULL) continue;
    char *length = strcasestr(bytes, "\r\ncontent-length:");
    if (strncmp(bytes, "HTTP/1.1 200", 12) != 0 || length == NULL) {
      fprintf(stderr, "no answer that has a length: %.60s\n", bytes);
      exit(1);
    }
    whole = (int)(end - bytes) + 4 + atoi(length + 17);
    if (whole >= (int)sizeof bytes) fail("too long");
  }
}

/* The second field of schedstat, nanoseconds. */
static double waitedUs(void) {
  unsigned long long ran = 0, waited = 0;
  FILE *file = fopen("/proc/self/schedstat", "r");
  if (file == NULL) return 0;
  if (fscanf(file, "%llu %llu", &ran, &waited) != 2) waited = 0;
  fclose(file);
  return waited / 1e3;
}

int main(int count, char **words) {
  if (count != 4) return 2;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(words[1]))};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) fail("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  char request[4096];
  int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", words[2]);
  float *times = malloc(mostRequests * sizeof *times);
  if (times == NULL) fail("malloc");
  memset(times, 0, mostRequests * sizeof *times);
  double waitedBefore = waitedUs(), endUs = nowUs() + atof(words[3]) * 1e6, longUs = 0;
  int requests = 0;
  for (double before = nowUs(); before < endUs && requests < mostRequests;) {
    if (write(fd, request, length) != length) fail("write");
    take(fd);
    double after = nowUs();
    times[requests++] = after - before;
    if (after - before > 1000) longUs += after - before;
    before = after;
  }
  qsort(times, requests, sizeof *times, inOrder);
  printf("{\"requests\":%d,\"p50Us\":%.1f,\"p99Us\":%.1f,\"longUs\":%.0f,\"waitedUs\":%.0f}\n", requests, times[requests / 2],
         times[(int)(requests * 0.99)], longUs, waitedUs() - waitedBefore);
  return 0;
}
