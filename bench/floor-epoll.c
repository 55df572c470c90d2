// The floor on epoll: the least that an HTTP answer of fixed bytes costs there. A call to wait for many sockets, and for each of them
// one recv and one send. It parses nothing and is no server: whatever arrives is answered with the same head and the bytes of the
// file named on the command line; with the word "304" that is the answer, without a body; with the word "close" the connection ends
// behind it. Its counterpart on io_uring: floor.c.
// Build: cc -O2 -o floor-epoll floor-epoll.c     Run: ./floor-epoll FILE [304|close]     Ready: one line "http://127.0.0.1:PORT".
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 512 };
static char response[128 << 10];
static size_t response_bytes;

static void watch(int poll, int fd, unsigned events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event)) exit(3);
}

// One answer; 0 when the connection is of no more use.
static int answer(int fd) {
  static char request[16 << 10];
  ssize_t got = recv(fd, request, sizeof request, 0);
  if (got < 0 && errno == EAGAIN) return 1;
  return got > 0 && send(fd, response, response_bytes, MSG_NOSIGNAL) == (ssize_t)response_bytes;
}

int main(int count, char **words) {
  const char *word = count == 3 ? words[2] : "";
  int closes = !strcmp(word, "close"), is_unchanged = !strcmp(word, "304");
  FILE *file = count == 2 || closes || is_unchanged ? fopen(words[1], "rb") : NULL;
  static char body[100 << 10];
  size_t body_bytes = file ? fread(body, 1, sizeof body, file) : 0;
  if (!file || body_bytes == sizeof body) return fprintf(stderr, "usage: floor-epoll FILE [304|close] (under %zu bytes)\n", sizeof body), 2;
  char begin[128];
  snprintf(begin, sizeof begin, is_unchanged ? "304 Not Modified\r\nCache-Control: no-cache"
      : "200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %zu", body_bytes);
  if (is_unchanged) body_bytes = 0;
  response_bytes = (size_t)snprintf(response, sizeof response,
      "HTTP/1.1 %s\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nETag: \"18865f2b8c000000-400\"\r\nAccept-Ranges: bytes\r\n"
      "X-Content-Type-Options: nosniff\r\n%sDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n", begin, closes ? "Connection: close\r\n" : "");
  memcpy(response + response_bytes, body, body_bytes);
  response_bytes += body_bytes;

  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int one = 1, poll = epoll_create1(EPOLL_CLOEXEC), listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); // accepted sockets inherit it
  if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 4096)) return perror("listen"), 1;
  getsockname(listener, (struct sockaddr *)&address, &length);
  watch(poll, listener, EPOLLIN);
  printf("http://127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);

  for (;;) {
    static struct epoll_event events[EVENTS];
    int found = epoll_wait(poll, events, EVENTS, -1);
    for (int index = 0; index < found; index++) {
      int fd = events[index].data.fd;
      if (fd != listener) {
        if (!answer(fd) || closes) close(fd);
        continue;
      }
      while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) watch(poll, fd, EPOLLIN | EPOLLET);
    }
  }
}
