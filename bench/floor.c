// The floor: the least that an HTTP answer of fixed bytes costs on io_uring. Multishot accept, multishot receive into a
// provided buffer ring, one send per receive, one io_uring_enter per batch. It parses nothing and is no server:
// whatever arrives is answered with the same head and the bytes of the file named on the command line. With the word
// "sendfile" the body is not copied: head with MSG_MORE, then sendfile(2), as a server does that keeps no bytes. With the
// word "304" the answer is that, without a body. Its counterpart on epoll: floor-epoll.c.
// Build: cc -O2 -o floor floor.c -luring     Run: ./floor FILE [sendfile|304]     Ready: one line "http://127.0.0.1:PORT".
#include <errno.h>
#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

enum { ACCEPT, RECEIVE, SEND, BUFFERS = 2048, BUFFER_BYTES = 1024 };
static struct io_uring ring;
static char response[128 << 10];
static size_t response_bytes, head_bytes;
static int by_reference = -1; // the file, where it is sent by sendfile

static struct io_uring_sqe *next(void) {
  struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
  if (!sqe && io_uring_submit(&ring) >= 0) sqe = io_uring_get_sqe(&ring);
  if (!sqe) exit(3);
  return sqe;
}
static void tag(struct io_uring_sqe *sqe, unsigned operation, int fd) {
  sqe->user_data = (unsigned long long)operation << 32 | (unsigned)fd;
}
static void accept_on(int listener) {
  struct io_uring_sqe *sqe = next();
  io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, 0);
  tag(sqe, ACCEPT, listener);
}
static void receive_from(int fd) {
  struct io_uring_sqe *sqe = next();
  io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  tag(sqe, RECEIVE, fd);
}
static void send_to(int fd) {
  if (by_reference >= 0) { // the sockets block: what does not fit now is waited for
    off_t offset = 0;
    if (send(fd, response, head_bytes, MSG_NOSIGNAL | MSG_MORE) != (ssize_t)head_bytes ||
        sendfile(fd, by_reference, &offset, response_bytes - head_bytes) != (ssize_t)(response_bytes - head_bytes))
      shutdown(fd, SHUT_RDWR);
    return;
  }
  struct io_uring_sqe *sqe = next();
  io_uring_prep_send(sqe, fd, response, response_bytes, MSG_NOSIGNAL | MSG_WAITALL);
  tag(sqe, SEND, fd);
}

int main(int count, char **words) {
  const char *word = count == 3 ? words[2] : "";
  int is_reference = !strcmp(word, "sendfile"), is_unchanged = !strcmp(word, "304");
  FILE *file = count == 2 || is_reference || is_unchanged ? fopen(words[1], "rb") : NULL;
  static char body[100 << 10];
  size_t body_bytes = file ? fread(body, 1, sizeof body, file) : 0;
  if (!file || body_bytes == sizeof body) return fprintf(stderr, "usage: floor FILE [sendfile|304] (under %zu bytes)\n", sizeof body), 2;
  if (is_reference) by_reference = fileno(file);
  char begin[128];
  snprintf(begin, sizeof begin, is_unchanged ? "304 Not Modified\r\nCache-Control: no-cache"
      : "200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %zu", body_bytes);
  if (is_unchanged) body_bytes = 0;
  response_bytes = head_bytes = (size_t)snprintf(response, sizeof response,
      "HTTP/1.1 %s\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nETag: \"18865f2b8c000000-400\"\r\nAccept-Ranges: bytes\r\n"
      "X-Content-Type-Options: nosniff\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n", begin);
  for (size_t i = 0; i < body_bytes; i++) response[response_bytes++] = body[i];

  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); // accepted sockets inherit it
  if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 4096)) return perror("listen"), 1;
  getsockname(listener, (struct sockaddr *)&address, &length);

  struct io_uring_params params = {.cq_entries = 16384, .flags = IORING_SETUP_CQSIZE | IORING_SETUP_SINGLE_ISSUER |
      IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL};
  if (io_uring_queue_init_params(4096, &ring, &params) < 0) return fprintf(stderr, "no io_uring here\n"), 1;
  struct io_uring_buf_ring *buffers;
  char *memory = malloc((size_t)BUFFERS * BUFFER_BYTES);
  if (!memory || posix_memalign((void **)&buffers, 4096, BUFFERS * sizeof(struct io_uring_buf))) return 1;
  struct io_uring_buf_reg registration = {.ring_addr = (unsigned long)buffers, .ring_entries = BUFFERS, .bgid = 0};
  if (io_uring_register_buf_ring(&ring, &registration, 0) < 0) return fprintf(stderr, "no buffer rings here\n"), 1;
  io_uring_buf_ring_init(buffers);
  int mask = io_uring_buf_ring_mask(BUFFERS);
  for (int i = 0; i < BUFFERS; i++) io_uring_buf_ring_add(buffers, memory + i * BUFFER_BYTES, BUFFER_BYTES, i, mask, i);
  io_uring_buf_ring_advance(buffers, BUFFERS);
  accept_on(listener);
  printf("http://127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);

  for (;;) {
    struct io_uring_cqe *cqe;
    unsigned head, seen = 0;
    int returned = 0;
    if (io_uring_submit_and_wait(&ring, 1) < 0) continue;
    io_uring_for_each_cqe(&ring, head, cqe) {
      seen++;
      unsigned operation = cqe->user_data >> 32;
      int fd = (int)(unsigned)cqe->user_data;
      if (operation == ACCEPT) {
        if (cqe->res >= 0) receive_from(cqe->res);
        if (!(cqe->flags & IORING_CQE_F_MORE)) accept_on(listener);
      } else if (operation == SEND) {
        if (cqe->res != (int)response_bytes) shutdown(fd, SHUT_RDWR); // its receive then ends and closes it
      } else {
        if (cqe->flags & IORING_CQE_F_BUFFER) {
          int id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
          io_uring_buf_ring_add(buffers, memory + id * BUFFER_BYTES, BUFFER_BYTES, id, mask, returned++);
        }
        if (cqe->res > 0) send_to(fd);
        if (cqe->flags & IORING_CQE_F_MORE) continue;
        if (cqe->res > 0 || cqe->res == -ENOBUFS) receive_from(fd);
        else close(fd);
      }
    }
    io_uring_buf_ring_advance(buffers, returned);
    io_uring_cq_advance(&ring, seen);
  }
}
