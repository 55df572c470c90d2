/*
 * Both sides of a virtqueue in C, for the round trips of `npm run bench:virtio` alone: a null device, which gives back what is there with nothing done in
 * between, and its driver, which has one request under way after the other. Memory and eventfds are inherited: 3 the memory, 4 kick, 5 call. The ring is
 * where its maker (rings.ts) says. As those of rings.ts and ring-device.ts, both sides look without end (`poll`), or ask for kicks and interrupts by the
 * event index (`events`). The driver writes the median and the 99th of 100 as JSON, in microseconds.
 * `rings driver|device split|packed poll|events SECONDS SIZE DESCRIPTORS USED AVAILABLE DATA GUEST`
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { MEMORY = 3, KICK = 4, CALL = 5, MOST = 1000000, BYTES = 64, PATIENCE_MS = 5000 };
enum { NEXT = 1, INDIRECT = 4, AVAILABLE = 1 << 7, USED = 1 << 15 };

/* Of a split ring: flags, next; of a packed one: id, flags. */
struct descriptor { uint64_t address; uint32_t length; uint16_t third, fourth; };
struct element { uint32_t id, length; };

static uint16_t size;
static int is_packed, is_polling;
static struct descriptor *descriptors;
/* Split: flags, index, entries, the other side's wish. Packed: the events of the driver (available) and of the device (used). */
static volatile uint16_t *available, *used;
static uint64_t data, guest;
/* Where a side is: of a packed ring with its turn (wrap). */
static uint16_t at;
static int turn = 1;

static void fail(const char *what)
{
    fprintf(stderr, "rings: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint16_t look(volatile uint16_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
static void show(volatile uint16_t *word, uint16_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }
static void fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

static void tell(int fd)
{
    uint64_t one = 1;
    if (write(fd, &one, sizeof one) != sizeof one) fail("write");
}

/* Waits until it is told, at most so long. */
static int hear(int fd, int ms)
{
    struct pollfd wait = { fd, POLLIN, 0 };
    uint64_t events;
    if (poll(&wait, 1, ms) != 1) return 0;
    return read(fd, &events, sizeof events) == sizeof events;
}

/* Whether the other side of a packed ring wants to hear of what went from `before` to `now` (section 2.8.10). */
static int is_wanted_packed(volatile uint16_t *event, uint16_t now, int now_turn, uint16_t before)
{
    fence();
    uint16_t flags = look(event + 1), wish = event[0];
    if (flags != 2) return flags != 1;
    int place = wish & 0x7fff;
    if ((wish >> 15) != now_turn) place -= size;
    int old = before > now ? before - size : before;
    return place >= old && place < now;
}

static int is_wanted_split(volatile uint16_t *wish, uint16_t now, uint16_t before)
{
    fence();
    return (uint16_t)(now - look(wish) - 1) < (uint16_t)(now - before);
}

/* ---- the driver ---- */

static int offer(void)
{
    if (!is_packed) {
        descriptors[0] = (struct descriptor){ data, BYTES, 0, 0 };
        available[2 + at % size] = 0;
        show(available + 1, ++at);
        return !is_polling && is_wanted_split(used + 2 + 4 * size, at, at - 1);
    }
    struct descriptor *slot = descriptors + at;
    slot->address = data;
    slot->length = BYTES;
    slot->third = 0;
    show(&slot->fourth, turn ? AVAILABLE : USED);
    /* Where it would be afterwards; it moves on when the request is back. */
    uint16_t now = at + 1 == size ? 0 : at + 1;
    return !is_polling && is_wanted_packed(used, now, now == 0 ? !turn : turn, at);
}

static int is_back(void)
{
    if (!is_packed) return look(used + 1) == at;
    uint16_t flags = look(&descriptors[at].fourth);
    if ((flags & (AVAILABLE | USED)) != (turn ? AVAILABLE | USED : 0)) return 0;
    if (++at == size) {
        at = 0;
        turn = !turn;
    }
    return 1;
}

static void await_interrupt(void)
{
    if (is_packed) {
        show(available, at | turn << 15);
        show(available + 1, 2);
    } else show(available + 2 + size, at - 1);
    fence();
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

static void drive(double seconds)
{
    double *times = malloc(MOST * sizeof *times), start = now_us(), end = start + seconds * 1e6;
    int done = 0;
    if (is_polling) available[is_packed ? 1 : 0] = 1;
    for (; start < end && done < MOST; done++) {
        if (offer()) tell(KICK);
        for (uint32_t looks = 1; !is_back(); looks++) {
            if (is_polling) {
                if ((looks & 0xffff) == 0 && now_us() > end + PATIENCE_MS * 1e3) fail("nothing came back");
                continue;
            }
            await_interrupt();
            if (is_back()) break;
            if (!hear(CALL, PATIENCE_MS)) fail("nothing came back");
        }
        double finished = now_us();
        times[done] = finished - start;
        start = finished;
    }
    if (done == 0) fail("no request");
    qsort(times, done, sizeof *times, by_value);
    printf("{\"value\":%.3f,\"p99\":%.3f}\n", times[done / 2], times[(int)(done * 0.99)]);
}

/* ---- the null device ---- */

/* Gives one back. 0: there is none. What makes no sense ends it. */
static int serve_one(void)
{
    if (!is_packed) {
        if (look(available + 1) == at) return 0;
        uint16_t head = available[2 + at % size];
        if (head >= size || descriptors[head].fourth >= size || (descriptors[head].third & (NEXT | INDIRECT))) fail("a chain");
        volatile struct element *elements = (volatile struct element *)(used + 2);
        elements[at % size].id = head;
        elements[at % size].length = 0;
        at++;
        return 1;
    }
    struct descriptor *slot = descriptors + at;
    uint16_t flags = look(&slot->fourth);
    if ((flags & (AVAILABLE | USED)) != (turn ? AVAILABLE : USED)) return 0;
    if (flags & (NEXT | INDIRECT)) fail("a chain");
    slot->length = 0;
    show(&slot->fourth, turn ? AVAILABLE | USED : 0);
    if (++at == size) {
        at = 0;
        turn = !turn;
    }
    return 1;
}

static void serve(void)
{
    if (is_polling) (is_packed ? used + 1 : used)[0] = 1;
    for (;;) {
        uint16_t before = at;
        if (is_packed && !is_polling) show(used + 1, 1);
        int count = 0;
        while (count < 64 && serve_one()) count++;
        if (count > 0 && !is_packed) show(used + 1, at);
        if (is_polling) continue;
        if (count > 0) {
            if (is_packed ? is_wanted_packed(available, at, turn, before) : is_wanted_split(available + 2 + size, at, before)) tell(CALL);
            continue;
        }
        if (is_packed) {
            show(used, at | turn << 15);
            show(used + 1, 2);
        } else show(used + 2 + 4 * size, at);
        fence();
        uint16_t flags = is_packed ? look(&descriptors[at].fourth) & (AVAILABLE | USED) : 0;
        if (is_packed ? flags == (turn ? AVAILABLE : USED) : look(available + 1) != at) continue;
        hear(KICK, -1);
    }
}

int main(int count, char **words)
{
    if (count != 11) return 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    is_packed = strcmp(words[2], "packed") == 0;
    is_polling = strcmp(words[3], "poll") == 0;
    size = atoi(words[5]);
    struct stat about;
    if (fstat(MEMORY, &about) < 0) fail("fstat");
    uint8_t *memory = mmap(NULL, about.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, MEMORY, 0);
    if (memory == MAP_FAILED) fail("mmap");
    descriptors = (struct descriptor *)(memory + atol(words[6]));
    used = (volatile uint16_t *)(memory + atol(words[7]));
    available = (volatile uint16_t *)(memory + atol(words[8]));
    guest = strtoull(words[10], NULL, 10);
    data = guest + strtoull(words[9], NULL, 10);
    if (strcmp(words[1], "driver") == 0) drive(atof(words[4]));
    else serve();
    return 0;
}
