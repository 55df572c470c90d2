/*
 * A front end of vhost-user in C, for the round trips of `npm run bench:virtio` alone: it sets up one queue of a block device, asks for the device's id,
 * one request after the other, by kick and interrupt, and prints the median in microseconds. `front-end SOCKET SECONDS split|packed`
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
#define COMMON ((1ull << 32) | (1ull << 30)) /* VERSION_1, PROTOCOL_FEATURES */
#define EVENT_INDEX (1ull << 29)
#define PACKED (1ull << 34)

/* Of a split ring: flags, next; of a packed one: id, flags. */
struct descriptor { uint64_t address; uint32_t length; uint16_t third, fourth; };

/* The request: its type, room for the id, its status. */
static const struct descriptor pieces[3] = {
    { GUEST + REQUEST, 16, 0, 1 }, { GUEST + REQUEST + 64, 20, 0, 1 | 2 }, { GUEST + REQUEST + 128, 1, 0, 2 }
};

static int channel;
static uint8_t *memory;
/* The next slot to fill; of a packed ring its turn (wrap). */
static uint16_t place, turn = 1;

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

static struct descriptor *slot(uint16_t at) { return (struct descriptor *)(memory + DESCRIPTORS) + at % SIZE; }

/* Makes the request available. Returns whether the device wants a kick. */
static int offer_split(void)
{
    uint16_t *available = (uint16_t *)(memory + AVAILABLE), *used = (uint16_t *)(memory + USED);
    available[2 + place % SIZE] = 0;
    available[2 + SIZE] = place; /* used_event: the interrupt of this one */
    __atomic_store_n(&available[1], ++place, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return (uint16_t)(place - used[2 + 4 * SIZE] - 1) < 1; /* avail_event */
}

static int is_back_split(void)
{
    return __atomic_load_n((uint16_t *)(memory + USED) + 1, __ATOMIC_ACQUIRE) == place;
}

static uint16_t packed_flags(uint16_t at, uint16_t flags)
{
    int is_this_turn = at < SIZE ? turn : !turn;
    return flags | (is_this_turn ? 1 << 7 : 1 << 15);
}

static int offer_packed(void)
{
    for (int piece = 2; piece >= 0; piece--) {
        struct descriptor *at = slot(place + piece);
        at->address = pieces[piece].address;
        at->length = pieces[piece].length;
        at->third = 0;
        __atomic_store_n(&at->fourth, packed_flags(place + piece, pieces[piece].fourth), __ATOMIC_RELEASE);
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return ((uint16_t *)(memory + USED))[1] != 1; /* the device's event flags: it looks by itself */
}

static int is_back_packed(void)
{
    uint16_t flags = __atomic_load_n(&slot(place)->fourth, __ATOMIC_ACQUIRE);
    if ((flags >> 7 & 1) != turn || (flags >> 15 & 1) != turn) return 0;
    place += 3;
    if (place >= SIZE) {
        place -= SIZE;
        turn ^= 1;
    }
    return 1;
}

static int by_value(const void *one, const void *other)
{
    double difference = *(const double *)one - *(const double *)other;
    return difference < 0 ? -1 : difference > 0;
}

int main(int count, char **words)
{
    if (count != 4) return 2;
    int is_packed = strcmp(words[3], "packed") == 0;
    struct sockaddr_un path = { .sun_family = AF_UNIX };
    strncpy(path.sun_path, words[1], sizeof path.sun_path - 1);
    channel = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(channel, (struct sockaddr *)&path, sizeof path) < 0) fail("connect");
    int memory_fd = memfd_create("front-end", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memory_fd < 0 || ftruncate(memory_fd, MEMORY) < 0) fail("memfd_create");
    if (fcntl(memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) fail("seals");
    memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
    if (memory == MAP_FAILED) fail("mmap");
    int kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (kick < 0 || call < 0) fail("eventfd");

    uint64_t features = COMMON | (is_packed ? PACKED : EVENT_INDEX), protocol = 0;
    if ((ask(GET_FEATURES) & features) != features) fail("it offers no such queues");
    ask(GET_PROTOCOL_FEATURES);
    tell(SET_PROTOCOL_FEATURES, &protocol, 8, -1);
    tell(SET_OWNER, NULL, 0, -1);
    tell(SET_FEATURES, &features, 8, -1);
    uint64_t user = (uint64_t)(uintptr_t)memory, queue = 0;
    uint64_t table[5] = { 1, GUEST, MEMORY, user, 0 };
    tell(SET_MEM_TABLE, table, sizeof table, memory_fd);
    uint32_t number[2] = { 0, SIZE }, base[2] = { 0, is_packed ? 0x80008000 : 0 }, on[2] = { 0, 1 };
    *(uint32_t *)(memory + REQUEST) = 8; /* VIRTIO_BLK_T_GET_ID */
    for (int piece = 0; piece < 3 && !is_packed; piece++) {
        *slot(piece) = pieces[piece];
        slot(piece)->third = pieces[piece].fourth;
        slot(piece)->fourth = piece + 1;
    }
    tell(SET_VRING_NUM, number, 8, -1);
    tell(SET_VRING_BASE, base, 8, -1);
    uint64_t places[5] = { 0, user + DESCRIPTORS, user + USED, user + AVAILABLE, 0 };
    tell(SET_VRING_ADDR, places, sizeof places, -1);
    tell(SET_VRING_CALL, &queue, 8, call);
    tell(SET_VRING_KICK, &queue, 8, kick);
    tell(SET_VRING_ENABLE, on, 8, -1);

    double *times = malloc(MOST * sizeof *times);
    double start = now_us(), end = start + atof(words[2]) * 1e6;
    int done = 0;
    uint64_t one = 1, events;
    for (; start < end && done < MOST; done++) {
        memory[REQUEST + 128] = 0xff;
        if ((is_packed ? offer_packed() : offer_split()) && write(kick, &one, 8) != 8) fail("kick");
        while (!(is_packed ? is_back_packed() : is_back_split())) {
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
