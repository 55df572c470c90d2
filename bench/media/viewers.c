// Viewers of one film: each has a connection of its own, asks for one segment after another as long as its play-out buffer has
// room, and plays in real time. Counts stalls, and how evenly segments are delivered. One thread; bodies are thrown away unread.
// Build: cc -O2 -o viewers viewers.c
// Run:   ./viewers ADDRESS PORT VIEWERS SECONDS BUFFER_MS FILE     FILE: a line a segment, its duration in ms, a blank, its path
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

enum { HEAD_LIMIT = 4096, MOST_VIEWERS = 20000, MOST_SEGMENTS = 100000, PATH_LIMIT = 1024, GRAIN_MS = 20, FREE = 3 };
struct segment {
  double ms;
  char path[PATH_LIMIT];
};
struct viewer {
  int fd;                    // -1: not connected
  int next;                  // the segment that is asked for now or next
  int asked;                 // a response is under way
  int got;                   // segments so far
  int playing;
  double due;                // when it may ask next
  double asked_at;
  double buffered, as_of;    // ms of media ahead of the picture, at that time
  size_t head;               // bytes of the head so far
  long long left;            // bytes of the body to come; -1 while the head comes
  char text[HEAD_LIMIT];
};
static struct segment *segments;
static struct viewer *viewers;
static int segment_count, viewer_count, poll_fd, stalled_viewers, stalled_unretried;
static unsigned char *has_stalled, *has_retried;
static unsigned long long bytes, delivered, stalls, retries, bad_status, waited;
static double *deliveries, buffer_ms, stall_ms;
static struct sockaddr_in server;
static const char *host;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void leave(struct viewer *viewer) {
  if (viewer->fd >= 0) close(viewer->fd);
  viewer->fd = -1;
  viewer->asked = 0;
}

// A response that did not come whole is asked for again on a new connection, as players do.
static void retry(struct viewer *viewer, double at) {
  if (viewer->asked) retries++, has_retried[viewer - viewers] = 1;
  leave(viewer);
  viewer->due = at + 50;
}

static void ask(struct viewer *viewer, double at) {
  if (viewer->fd < 0) {
    int one = 1;
    viewer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (viewer->fd < 0 || connect(viewer->fd, (struct sockaddr *)&server, sizeof server)) {
      viewer->asked = 1;
      retry(viewer, at);
      return;
    }
    setsockopt(viewer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = viewer};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, viewer->fd, &event);
  }
  char request[PATH_LIMIT + 128];
  int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", segments[viewer->next].path, host);
  viewer->asked = 1;
  viewer->asked_at = at;
  viewer->head = 0;
  viewer->left = -1;
  if (send(viewer->fd, request, (size_t)length, MSG_NOSIGNAL) != length) retry(viewer, at);
}

// The picture moves on: what was buffered is played; nothing left is a stall.
static void play(struct viewer *viewer, double at) {
  if (viewer->playing) {
    viewer->buffered -= at - viewer->as_of;
    if (viewer->buffered < 0) {
      stalls++;
      int index = (int)(viewer - viewers);
      if (!has_stalled[index]) stalled_viewers++, stalled_unretried += !has_retried[index], has_stalled[index] = 1;
      stall_ms -= viewer->buffered;
      viewer->buffered = 0;
      viewer->playing = 0;
    }
  } else if (viewer->got > 0) stall_ms += at - viewer->as_of;
  viewer->as_of = at;
}

static void complete(struct viewer *viewer, double at) {
  play(viewer, at);
  viewer->asked = 0;
  viewer->buffered += segments[viewer->next].ms;
  viewer->playing = 1;
  viewer->next = (viewer->next + 1) % segment_count;
  // The first ones fill the buffer, free of any pace.
  if (++viewer->got > FREE) deliveries[delivered++] = at - viewer->asked_at;
  double room = buffer_ms - viewer->buffered;
  viewer->due = room >= 0 ? at : at - room;
}

static int read_head(struct viewer *viewer) {
  ssize_t length = recv(viewer->fd, viewer->text + viewer->head, HEAD_LIMIT - 1 - viewer->head, MSG_PEEK | MSG_DONTWAIT);
  if (length < 0 && errno == EAGAIN) return 1;
  if (length <= 0) return 0;
  size_t all = viewer->head + (size_t)length;
  viewer->text[all] = 0;
  char *end = strstr(viewer->text, "\r\n\r\n");
  size_t take = end ? (size_t)(end + 4 - viewer->text) - viewer->head : (size_t)length;
  if (recv(viewer->fd, viewer->text + viewer->head, take, MSG_DONTWAIT) != (ssize_t)take) return 0;
  viewer->head += take;
  if (!end) return viewer->head < HEAD_LIMIT - 1;
  if (memcmp(viewer->text, "HTTP/1.1 200", 12)) return bad_status++, 0;
  char *field = strcasestr(viewer->text, "\r\ncontent-length:");
  viewer->left = field ? atoll(field + 17) : -1;
  return viewer->left >= 0;
}

// Takes what is there. Returns 0 when the connection is of no more use.
static int take(struct viewer *viewer) {
  if (!viewer->asked) return 0;
  if (viewer->left < 0) {
    if (!read_head(viewer)) return 0;
    if (viewer->left < 0) return 1;
  }
  while (viewer->left > 0) {
    // MSG_TRUNC: the kernel throws the bytes away; the load must not be what costs most.
    ssize_t length = recv(viewer->fd, NULL, (size_t)viewer->left, MSG_TRUNC | MSG_DONTWAIT);
    if (length < 0 && errno == EAGAIN) return 1;
    if (length <= 0) return 0;
    viewer->left -= length;
    bytes += (unsigned long long)length;
  }
  complete(viewer, now());
  return 1;
}

static int ascending(const void *left, const void *right) {
  double difference = *(const double *)left - *(const double *)right;
  return (difference > 0) - (difference < 0);
}

static double percentile(double share) {
  return delivered == 0 ? 0 : deliveries[(size_t)(share * (double)(delivered - 1))];
}

static int read_segments(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  segments = calloc(MOST_SEGMENTS, sizeof *segments);
  while (segment_count < MOST_SEGMENTS &&
         fscanf(file, "%lf %1023s", &segments[segment_count].ms, segments[segment_count].path) == 2)
    segment_count++;
  fclose(file);
  return segment_count > 0;
}

static void report(double seconds) {
  double percent50, percent99;
  qsort(deliveries, delivered, sizeof *deliveries, ascending);
  percent50 = percentile(0.5);
  percent99 = percentile(0.99);
  // Jitter: how far a delivery is from the usual one.
  for (unsigned long long index = 0; index < delivered; index++)
    deliveries[index] = deliveries[index] > percent50 ? deliveries[index] - percent50 : percent50 - deliveries[index];
  qsort(deliveries, delivered, sizeof *deliveries, ascending);
  printf("{\"durationUs\":%.0f,\"bytes\":%llu,\"segments\":%llu,\"stalls\":%llu,\"stalledViewers\":%d,\"stalledUnretried\":%d,\"stallMs\":%.0f,"
         "\"retries\":%llu,\"badStatus\":%llu,\"late\":%llu,\"deliveryP50Ms\":%.2f,\"deliveryP99Ms\":%.2f,\"jitterP50Ms\":%.2f,\"jitterP99Ms\":%.2f}\n",
         seconds * 1e6, bytes, delivered, stalls, stalled_viewers, stalled_unretried, stall_ms, retries, bad_status, waited, percent50, percent99,
         percentile(0.5), percentile(0.99));
}

int main(int count, char **words) {
  if (count != 7 || !read_segments(words[6]) || (viewer_count = atoi(words[3])) < 1 || viewer_count > MOST_VIEWERS)
    return fprintf(stderr, "usage: viewers ADDRESS PORT VIEWERS SECONDS BUFFER_MS FILE\n"), 2;
  host = words[1];
  double seconds = atof(words[4]);
  buffer_ms = atof(words[5]);
  server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(words[2]))};
  inet_pton(AF_INET, host, &server.sin_addr);
  viewers = calloc((size_t)viewer_count, sizeof *viewers);
  has_stalled = calloc((size_t)viewer_count, 1);
  has_retried = calloc((size_t)viewer_count, 1);
  deliveries = calloc(4 * 1000 * 1000, sizeof *deliveries);
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  double begin = now(), end = begin + seconds * 1e3;
  // Viewers come one after the other through the length of a segment, to places of the film from which none comes to its end.
  int span = (int)((seconds * 1e3 + buffer_ms) / segments[0].ms) + FREE + 1;
  int places = segment_count > span ? segment_count - span : 1;
  for (int index = 0; index < viewer_count; index++) {
    viewers[index].fd = -1;
    viewers[index].next = (int)((long long)index * places / viewer_count);
    viewers[index].due = begin + segments[0].ms * index / viewer_count;
  }
  struct epoll_event events[256];
  double grain = begin;
  for (double at = begin; at < end; at = now()) {
    int ready = epoll_wait(poll_fd, events, 256, 5);
    for (int index = 0; index < ready; index++)
      if (!take(events[index].data.ptr)) retry(events[index].data.ptr, now());
    if (at - grain > 4 * GRAIN_MS) waited++; // this program was late itself: its figures are no one's
    grain = now();
    for (int index = 0; index < viewer_count; index++) {
      struct viewer *viewer = &viewers[index];
      if (!viewer->asked && viewer->due <= grain) ask(viewer, grain);
      if (viewer->playing && grain - viewer->as_of > viewer->buffered) play(viewer, grain);
    }
  }
  report((now() - begin) / 1e3);
  return 0;
}
