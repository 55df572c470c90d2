/* The load of the echo's rows: a host of its own on a device, without the kernel's TCP/IP: it sends datagrams of UDP through a packet socket, keeps so many under way, and
 * counts those that come back as they were. It answers ARP for its address itself. Frames for its link address are nobody's for the kernel behind the device, which drops them at once.
 *
 * echo-load DEVICE SERVER-MAC SERVER-IP FRAME-BYTES WINDOW SECONDS  ->  {"echoes":N,"lost":N,"spoiled":N,"seconds":S} */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

enum { batch = 32, ringFrames = 8192, ringFrameBytes = 2048, headers = 42, warmPart = 5 };
static const uint8_t ourMac[6] = {2, 0, 0, 0, 0x77, 9};
static const uint8_t ourIp[4] = {10, 77, 0, 9};
static uint8_t packets[batch][2048];
static struct mmsghdr messages[batch];
static struct iovec parts[batch];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static uint32_t sum(const uint8_t *bytes, int length, uint32_t from) {
  for (int i = 0; i + 1 < length; i += 2) from += bytes[i] << 8 | bytes[i + 1];
  if (length & 1) from += bytes[length - 1] << 8;
  return from;
}

static uint16_t folded(uint32_t value) {
  while (value >> 16) value = (value & 0xffff) + (value >> 16);
  return ~value & 0xffff;
}

static void put16(uint8_t *at, unsigned value) {
  at[0] = value >> 8;
  at[1] = value;
}

/* A number and its complement stand in the payload, so that the checksum is the same for each. */
static void make(uint8_t *packet, int length, const uint8_t *mac, const uint8_t *ip) {
  memcpy(packet, mac, 6);
  memcpy(packet + 6, ourMac, 6);
  put16(packet + 12, 0x0800);
  uint8_t *header = packet + 14, *udp = packet + 34;
  header[0] = 0x45;
  put16(header + 2, length - 14);
  header[6] = 0x40;
  header[8] = 64;
  header[9] = 17;
  memcpy(header + 12, ourIp, 4);
  memcpy(header + 16, ip, 4);
  put16(header + 10, folded(sum(header, 20, 0)));
  put16(udp, 7777);
  put16(udp + 2, 7);
  put16(udp + 4, length - 34);
  for (int i = headers + 8; i < length; i++) packet[i] = i * 7;
  memset(packet + headers + 4, 0xff, 4);
  uint16_t check = folded(sum(udp, length - 34, sum(header + 12, 8, 17 + length - 34)));
  put16(udp + 6, check ? check : 0xffff);
}

static void answerArp(int fd, const uint8_t *question) {
  uint8_t answer[60] = {0};
  if (question[21] != 1 || memcmp(question + 38, ourIp, 4) != 0) return;
  memcpy(answer, question + 6, 6);
  memcpy(answer + 6, ourMac, 6);
  memcpy(answer + 12, question + 12, 8);
  answer[21] = 2;
  memcpy(answer + 22, ourMac, 6);
  memcpy(answer + 28, ourIp, 4);
  memcpy(answer + 32, question + 22, 10);
  if (send(fd, answer, sizeof answer, 0) < 0) fail("arp");
}

int main(int count, char **words) {
  if (count != 7) return 2;
  unsigned device = if_nametoindex(words[1]);
  uint8_t mac[6], ip[4];
  sscanf(words[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5);
  inet_pton(AF_INET, words[3], ip);
  int length = atoi(words[4]);
  uint32_t window = atoi(words[5]), sent = 0, echoes = 0, lost = 0, spoiled = 0, counted = 0, lostBefore = 0;
  double seconds = atof(words[6]);

  int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  if (fd < 0) fail("socket");
  int version = TPACKET_V2, one = 1;
  struct tpacket_req ring = {ringFrameBytes * 64, ringFrames / 64, ringFrameBytes, ringFrames};
  if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0) fail("version");
  if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one) < 0) fail("bypass");
  if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) < 0) fail("incoming only");
  if (setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring) < 0) fail("ring");
  uint8_t *frames = mmap(0, (size_t)ringFrames * ringFrameBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (frames == MAP_FAILED) fail("mmap");
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = device};
  if (bind(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("bind");
  for (int i = 0; i < batch; i++) {
    make(packets[i], length, mac, ip);
    parts[i] = (struct iovec){packets[i], length};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }

  uint32_t slot = 0, underWay = 0;
  double begin = now(), last = begin, counting = 0, time = begin;
  while (!counting || time < counting + seconds) {
    time = now();
    if (!counting && time > begin + seconds / warmPart) {
      counting = time;
      counted = echoes;
      lostBefore = lost;
      puts("counting");
      fflush(stdout);
    }
    for (;;) {
      struct tpacket2_hdr *head = (struct tpacket2_hdr *)(frames + (size_t)slot * ringFrameBytes);
      if (!(__atomic_load_n(&head->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) break;
      uint8_t *packet = (uint8_t *)head + head->tp_mac;
      if (packet[12] == 8 && packet[13] == 6) answerArp(fd, packet);
      else if (head->tp_len >= headers + 12 && packet[12] == 8 && packet[13] == 0 && packet[23] == 17 && memcmp(packet + 6, ourMac, 6) != 0) {
        uint32_t number, complement;
        memcpy(&number, packet + headers, 4);
        memcpy(&complement, packet + headers + 4, 4);
        if ((int)head->tp_len != length || number != ~complement || memcmp(packet + headers + 8, packets[0] + headers + 8, length - headers - 8) != 0) spoiled++;
        echoes++;
        if (underWay > 0) underWay--;
        last = time;
      }
      __atomic_store_n(&head->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
      slot = (slot + 1) % ringFrames;
    }
    if (underWay > 0 && time > last + 0.2) {
      lost += underWay;
      underWay = 0;
      last = time;
    }
    // The first one alone: who has which address is asked meanwhile.
    uint32_t room = echoes == 0 ? underWay == 0 : window - underWay;
    // Not a call for each packet that comes.
    if (room < batch && underWay > batch) continue;
    int many = room < batch ? room : batch;
    for (int i = 0; i < many; i++, sent++) {
      uint32_t complement = ~sent;
      memcpy(packets[i] + headers, &sent, 4);
      memcpy(packets[i] + headers + 4, &complement, 4);
    }
    int done = many == 0 ? 0 : sendmmsg(fd, messages, many, 0);
    if (done < 0 && errno != ENOBUFS && errno != EAGAIN) fail("send");
    if (done > 0) underWay += done;
  }
  printf("{\"echoes\":%u,\"lost\":%u,\"spoiled\":%u,\"seconds\":%.6f}\n", echoes - counted, lost - lostBefore, spoiled, time - counting);
  return 0;
}
