/*
 * A front end of vhost-user in C, for the round trips of `npm run bench:virtio` alone: it sets up one split queue of a block device, asks for the device's
 * id, one request after the other, by kick and interrupt, and prints the median in microseconds. `front-end SOCKET SECONDS`
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { GET_FEATURES = 1, SET_FEATURES = 2, SET_OWNER = 3, SET_MEM_TABLE = 5, SET_VRING_NUM = 8, SET_VRING_ADDR = 9,
       SET_VRING_BASE = 10, SET_VRING_KICK = 12, SET_VRING_CALL = 13, GET_PROTOCOL_FEATURES = 15,
       SET_PROTOCOL_FEATURES = 16, SET_VRING_ENABLE = 18 };
enum { SIZE = 128, MEMORY = 1 << 16, DESCRIPTORS = 0, AVAILABLE = 4096, USED = 8192, REQUEST = 16384, MOST = 1000000 };
#define GUEST 0x100000000ull
#define FEATURES ((1ull << 32) | (1ull << 30) | (1ull << 29)) /* VERSION_1, PROTOCOL_FEATURES, EVENT_IDX */

struct descriptor { uint64_t address; uint32_t length; uint16_t flags, next; };

static int channel;

static void fail(const char *what)
{
    fprintf(stderr, "front-end: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void tell(uint32_t request, const void *payload, uint32_t size, int fd)
{
    uint32_t head[3] = { request, 1, size };
    struct iovec parts[2] = { { head, sizeof head }, { (void *)payload, size } };
    char control[CMSG_SPACE(sizeof fd)] = { 0 };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
    if (fd >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *with = CMSG_FIRSTHDR(&message);
        with->cmsg_level = SOL_SOCKET;
        with->cmsg_type = SCM_RIGHTS;
        with->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(with), &fd, sizeof fd);
    }
    if (sendmsg(channel, &message, MSG_NOSIGNAL) != (ssize_t)(sizeof head + size)) fail("sendmsg");
}

static uint64_t ask(uint32_t request)
{
    struct { uint32_t head[3]; uint64_t value; } __attribute__((packed)) answer;
    tell(request, NULL, 0, -1);
    if (recv(channel, &answer, sizeof answer, MSG_WAITALL) != sizeof answer || answer.head[0] != request) fail("no answer");
    return answer.value;
}

static double now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static int by_value(const void *one, const void *other)
{
    double difference = *(const double *)one - *(const double *)other;
    return difference < 0 ? -1 : difference > 0;
}

int main(int count, char **words)
{
    if (count != 3) return 2;
    struct sockaddr_un path = { .sun_family = AF_UNIX };
    strncpy(path.sun_path, words[1], sizeof path.sun_path - 1);
    channel = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(channel, (struct sockaddr *)&path, sizeof path) < 0) fail("connect");
    int memory_fd = memfd_create("front-end", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memory_fd < 0 || ftruncate(memory_fd, MEMORY) < 0) fail("memfd_create");
    if (fcntl(memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) fail("seals");
    uint8_t *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
    if (memory == MAP_FAILED) fail("mmap");
    int kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (kick < 0 || call < 0) fail("eventfd");

    uint64_t features = ask(GET_FEATURES) & FEATURES, protocol = 0;
    ask(GET_PROTOCOL_FEATURES);
    tell(SET_PROTOCOL_FEATURES, &protocol, 8, -1);
    tell(SET_OWNER, NULL, 0, -1);
    tell(SET_FEATURES, &features, 8, -1);
    uint64_t user = (uint64_t)(uintptr_t)memory, queue = 0;
    uint64_t table[5] = { 1, GUEST, MEMORY, user, 0 };
    tell(SET_MEM_TABLE, table, sizeof table, memory_fd);
    uint32_t number[2] = { 0, SIZE }, base[2] = { 0, 0 }, on[2] = { 0, 1 };
    tell(SET_VRING_NUM, number, 8, -1);
    tell(SET_VRING_BASE, base, 8, -1);
    uint64_t places[5] = { 0, user + DESCRIPTORS, user + USED, user + AVAILABLE, 0 };
    tell(SET_VRING_ADDR, places, sizeof places, -1);
    tell(SET_VRING_CALL, &queue, 8, call);
    tell(SET_VRING_KICK, &queue, 8, kick);
    tell(SET_VRING_ENABLE, on, 8, -1);

    struct descriptor *descriptors = (void *)(memory + DESCRIPTORS);
    uint16_t *available = (void *)(memory + AVAILABLE), *used = (void *)(memory + USED);
    *(uint32_t *)(memory + REQUEST) = 8; /* VIRTIO_BLK_T_GET_ID */
    descriptors[0] = (struct descriptor){ GUEST + REQUEST, 16, 1, 1 };
    descriptors[1] = (struct descriptor){ GUEST + REQUEST + 64, 20, 1 | 2, 2 };
    descriptors[2] = (struct descriptor){ GUEST + REQUEST + 128, 1, 2, 0 };

    double *times = malloc(MOST * sizeof *times);
    double start = now_us(), end = start + atof(words[2]) * 1e6;
    int done = 0;
    uint64_t one = 1, events;
    for (uint16_t next = 0; start < end && done < MOST; done++) {
        memory[REQUEST + 128] = 0xff;
        available[2 + next % SIZE] = 0;
        available[2 + SIZE] = next; /* used_event: the interrupt of this one */
        next++;
        __atomic_store_n(&available[1], next, __ATOMIC_RELEASE);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        /* Unless the device said that it looks by itself (avail_event). */
        if ((uint16_t)(next - used[2 + 4 * SIZE] - 1) < 1 && write(kick, &one, 8) != 8) fail("kick");
        while (__atomic_load_n(&used[1], __ATOMIC_ACQUIRE) != next) {
            struct pollfd wait = { call, POLLIN, 0 };
            if (poll(&wait, 1, 5000) != 1) fail("nothing came back");
            if (read(call, &events, 8) < 0 && errno != EAGAIN) fail("read");
        }
        if (memory[REQUEST + 128] != 0) fail("the request failed");
        double finished = now_us();
        times[done] = finished - start;
        start = finished;
    }
    if (done == 0) fail("no request");
    qsort(times, done, sizeof *times, by_value);
    printf("%.3f\n", times[done / 2]);
    return 0;
}
