/* A plain echo of UDP over a socket of the kernel's, in batches: what the rows of ours and DPDK's are shown beside. echo-kernel ADDRESS PORT */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { batch = 64 };
static char bytes[batch][2048];
static struct sockaddr_in peers[batch];
static struct iovec parts[batch];
static struct mmsghdr messages[batch];

int main(int count, char **words) {
  if (count != 3) return 2;
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(atoi(words[2]))};
  inet_pton(AF_INET, words[1], &own.sin_addr);
  int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  if (bind(fd, (struct sockaddr *)&own, sizeof own) < 0) {
    perror("bind");
    return 1;
  }
  puts("ready");
  fflush(stdout);
  for (;;) {
    for (int i = 0; i < batch; i++) {
      parts[i] = (struct iovec){bytes[i], sizeof bytes[i]};
      messages[i].msg_hdr = (struct msghdr){.msg_name = &peers[i], .msg_namelen = sizeof peers[i], .msg_iov = &parts[i], .msg_iovlen = 1};
    }
    int came = recvmmsg(fd, messages, batch, MSG_WAITFORONE, 0);
    if (came < 0) {
      perror("recvmmsg");
      return 1;
    }
    for (int i = 0; i < came; i++) parts[i].iov_len = messages[i].msg_len;
    for (int sent = 0; sent < came;) {
      int done = sendmmsg(fd, messages + sent, came - sent, 0);
      if (done < 0) {
        perror("sendmmsg");
        return 1;
      }
      sent += done;
    }
  }
}
