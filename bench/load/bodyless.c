// A client for requests whose answers end with their head: HEAD. wrk cannot make them: it waits for the body that the
// Content-Length speaks of. One thread, one request again and again on each connection, every status looked at.
// Build: cc -O2 -o bodyless bodyless.c     Run: ./bodyless PORT CONNECTIONS SECONDS STATUS FILE     FILE: the request's bytes
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_LIMIT = 4096, MOST = 10000 };
struct connection {
  int fd;
  size_t got;
  char head[HEAD_LIMIT];
};
static char request[8192], begin[16];
static size_t request_bytes;
static unsigned long long requests, bytes, bad_status, socket_errors;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void ask(struct connection *connection) {
  if (send(connection->fd, request, request_bytes, MSG_NOSIGNAL) != (ssize_t)request_bytes) socket_errors++;
}

// Reads what is there. A whole head is counted, and the next one asked for. Returns 0 when the connection is of no more use.
static int take(struct connection *connection) {
  ssize_t length = recv(connection->fd, connection->head + connection->got, HEAD_LIMIT - connection->got, MSG_DONTWAIT);
  if (length < 0 && errno == EAGAIN) return 1;
  if (length <= 0) return socket_errors++, 0;
  bytes += (unsigned long long)length;
  connection->got += (size_t)length;
  if (connection->got >= 4 && !memcmp(connection->head + connection->got - 4, "\r\n\r\n", 4)) {
    requests++;
    if (memcmp(connection->head + 8, begin, strlen(begin))) bad_status++;
    connection->got = 0;
    ask(connection);
  } else if (connection->got == HEAD_LIMIT) return socket_errors++, 0; // no head is this long: a body came
  return 1;
}

int main(int count, char **words) {
  FILE *file = count == 6 ? fopen(words[5], "rb") : NULL;
  int connections = count == 6 ? atoi(words[2]) : 0;
  if (!file || connections < 1 || connections > MOST)
    return fprintf(stderr, "usage: bodyless PORT CONNECTIONS SECONDS STATUS FILE\n"), 2;
  request_bytes = fread(request, 1, sizeof request, file);
  snprintf(begin, sizeof begin, " %d ", atoi(words[4]));
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(words[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct connection *all = calloc((size_t)connections, sizeof *all);
  int poll = epoll_create1(EPOLL_CLOEXEC), one = 1;
  if (!all || poll < 0) return perror("bodyless"), 1;
  for (int i = 0; i < connections; i++) {
    all[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (all[i].fd < 0 || connect(all[i].fd, (struct sockaddr *)&address, sizeof address)) return perror("connect"), 1;
    setsockopt(all[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &event)) return perror("epoll_ctl"), 1;
  }
  double start = now(), end = start + atof(words[3]);
  for (int i = 0; i < connections; i++) ask(&all[i]);
  int living = connections;
  while (living > 0 && now() < end) {
    struct epoll_event events[256];
    int ready = epoll_wait(poll, events, 256, 100);
    for (int i = 0; i < ready; i++) {
      struct connection *connection = events[i].data.ptr;
      if (take(connection)) continue;
      close(connection->fd);
      living--;
    }
  }
  printf("{\"durationUs\":%.0f,\"requests\":%llu,\"bytes\":%llu,\"badStatus\":%llu,\"socketErrors\":%llu}\n",
      (now() - start) * 1e6, requests, bytes, bad_status, socket_errors);
  return 0;
}
