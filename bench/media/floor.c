// The floor of paced films: the least that a viewer costs a server with sendfile. Segments are plain files that stay open; a request is
// looked at for its path alone; a response leaves in shares, one call of sendfile each, as often as SHARE_MS says. One thread; no
// server: whatever is not a segment ends it.
// Build: cc -O2 -o floor floor.c
// Run:   ./floor DIRECTORY ADDRESS BYTES_PER_SECOND SHARE_MS     Ready: one line "http://ADDRESS:PORT".
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512, MOST_CONNECTIONS = 65536, MOST_FILES = 4096, REQUEST_LIMIT = 4096, WHEEL = 8192 };
struct file {
  char *path;
  int fd;
  off_t size;
};
struct connection {
  struct file *file;
  off_t at;
  long long share;           // what is left of the share that leaves now
  double due;                // when the present share began
  int next;                  // in its slot of the wheel; -1: the last one
  int waits;                 // in the wheel
};
static struct file files[MOST_FILES];
static struct connection connections[MOST_CONNECTIONS];
static int file_count, slots[WHEEL];
static long long share_bytes;
static double share_ms;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static struct file *file_at(const char *path) {
  for (int index = 0; index < file_count; index++) if (!strcmp(files[index].path, path)) return &files[index];
  struct file *file = &files[file_count];
  struct stat status;
  if (file_count == MOST_FILES || (file->fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 || fstat(file->fd, &status)) exit(3);
  file->path = strdup(path);
  file->size = status.st_size;
  file_count++;
  return file;
}

// Sends what is left of the share; what the socket does not take goes on when it has room.
static void push(int fd) {
  struct connection *connection = &connections[fd];
  while (connection->share > 0) {
    ssize_t sent = sendfile(fd, connection->file->fd, &connection->at, (size_t)connection->share);
    if (sent <= 0) return;
    connection->share -= sent;
  }
  if (connection->at == connection->file->size) {
    connection->file = NULL;
    return;
  }
  if (connection->waits) return;
  int *slot = &slots[(unsigned long long)(connection->due + share_ms) % WHEEL];
  connection->waits = 1;
  connection->next = *slot;
  *slot = fd;
}

static void begin_share(int fd, double at) {
  struct connection *connection = &connections[fd];
  off_t left = connection->file->size - connection->at;
  connection->share = left < share_bytes ? left : share_bytes;
  connection->due = at;
  push(fd);
}

// 0 when the connection is of no more use.
static int answer(int fd) {
  char request[REQUEST_LIMIT], head[256];
  ssize_t got = recv(fd, request, sizeof request - 1, 0);
  if (got < 0) return errno == EAGAIN;
  if (got == 0) return 0;
  request[got] = 0;
  char *path = strchr(request, '/'), *end = path ? strchr(path, ' ') : NULL;
  if (!end || connections[fd].file) exit(4);
  *end = 0;
  struct connection *connection = &connections[fd];
  connection->file = file_at(path + 1);
  connection->at = 0;
  int length = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: %lld\r\n\r\n", (long long)connection->file->size);
  if (send(fd, head, (size_t)length, MSG_NOSIGNAL | MSG_MORE) != length) return 0;
  begin_share(fd, now());
  return 1;
}

int main(int count, char **words) {
  if (count != 5 || chdir(words[1])) return fprintf(stderr, "usage: floor DIRECTORY ADDRESS BYTES_PER_SECOND SHARE_MS\n"), 2;
  signal(SIGPIPE, SIG_IGN); // a viewer may leave in the middle
  share_ms = atof(words[4]);
  share_bytes = (long long)(atof(words[3]) * share_ms / 1e3);
  if (share_ms < 1 || share_ms >= WHEEL || share_bytes < 1) return fprintf(stderr, "SHARE_MS: 1 to %d\n", WHEEL - 1), 2;
  for (int index = 0; index < WHEEL; index++) slots[index] = -1;
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  int one = 1, poll = epoll_create1(EPOLL_CLOEXEC), listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); // accepted sockets inherit it
  if (!inet_aton(words[2], &address.sin_addr) || bind(listener, (struct sockaddr *)&address, length) || listen(listener, 4096)) return perror("listen"), 1;
  getsockname(listener, (struct sockaddr *)&address, &length);
  struct epoll_event asked = {.events = EPOLLIN, .data.fd = listener};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, listener, &asked)) return perror("epoll_ctl"), 1;
  printf("http://%s:%d\n", words[2], ntohs(address.sin_port));
  fflush(stdout);

  unsigned long long turned = (unsigned long long)now();
  for (;;) {
    static struct epoll_event events[EVENTS];
    int wait_ms = -1;
    for (int ahead = 1; ahead < WHEEL && wait_ms < 0; ahead++) if (slots[(turned + (unsigned)ahead) % WHEEL] >= 0) wait_ms = ahead;
    if (wait_ms > 0) {
      double left = (double)(turned + (unsigned)wait_ms) - now();
      wait_ms = left > 0 ? (int)left + 1 : 0;
    }
    int found = epoll_wait(poll, events, EVENTS, wait_ms);
    for (int index = 0; index < found; index++) {
      int fd = events[index].data.fd;
      if (fd == listener) {
        while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
          struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = fd};
          if (fd >= MOST_CONNECTIONS || epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event)) exit(3);
        }
        continue;
      }
      struct connection *connection = &connections[fd];
      if (events[index].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        connection->file = NULL;
        close(fd);
        continue;
      }
      if (connection->file && connection->share > 0) push(fd);
      if ((events[index].events & EPOLLIN) && !answer(fd)) close(fd);
    }
    unsigned long long at = (unsigned long long)now();
    while (turned < at) {
      int fd = slots[++turned % WHEEL];
      slots[turned % WHEEL] = -1;
      for (int next; fd >= 0; fd = next) {
        next = connections[fd].next;
        connections[fd].waits = 0;
        if (connections[fd].file) begin_share(fd, connections[fd].due + share_ms);
      }
    }
  }
}
