// The floor of `npm run bench:core`: what a TCP segment costs in C where nothing is done but what cannot be left out: a descriptor is taken from a ring of received
// packets, Ethernet, IPv4 and TCP are parsed, both checksums are verified over all bytes, the connection is looked up among 256 and moves on, the frame goes back
// to the fill ring, and each second segment of a connection is acknowledged by a frame with both checksums, whose descriptor is put into the ring to send.
// Compiled with -DWHOLE it does what no stack can leave out that hands bytes to an application and trusts nobody: each frame has one owner, which is looked at
// whenever it is handed on; the payload waits in its connection's row, within a window that its frames bound; the application hears of the connection once, takes
// each piece where it lies, and gives the frame back; a duty to acknowledge has its deadline; packets and bytes are counted. Still no timestamps, no options, no order
// but the right one, no sending of data, no end of a connection, no other protocol.
// Arguments: bytes of each frame, segments. Prints nanoseconds a segment, of the batch of 1,024 than which a tenth of them took less: what a batch costs that
// nobody interrupted, on a machine that is busy with other things.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { connections = 256, frames = 4096, frame_bytes = 2048, entries = 2048, batch = 64, slots = 1024, run = 1024, most_runs = 1024 };

struct descriptor { uint64_t address; uint32_t length, options; };
struct connection {
  uint32_t source, destination, ports, next, sent, window, unacknowledged;
  uint64_t bytes;
#ifdef WHOLE
  uint32_t edge, held, due, armed, said;
  struct piece *head, *tail;
#endif
};

static uint8_t umem[(size_t)frames * frame_bytes] __attribute__((aligned(4096)));
static struct descriptor rx[entries], tx[entries];
static uint64_t fill[entries];
static uint32_t rx_consumer, tx_producer, fill_producer;
static struct connection table[connections];
static uint16_t index_of[slots];

#ifdef WHOLE
enum owner { nobody, kernel, stack, application };
enum { mostHeld = 128, frameWindow = frame_bytes / 2, delayTicks = 40 };
struct piece { struct piece *next; uint32_t at, length; struct connection *owner; };
static struct piece pieces[frames];
static uint8_t owners[frames];
static uint32_t spare[frames], spares, events[connections], first_event, event_count, now, fill_consumer, tx_consumer;
static uint64_t packets, octets, faults, acknowledgements;

static void give(uint32_t frame) { owners[frame] = nobody; spare[spares++] = frame; }
static int taken(uint64_t place, uint32_t length) {
  if (place >= sizeof umem || owners[place / frame_bytes] != kernel || place % frame_bytes + length > frame_bytes) { faults++; return 0; }
  owners[place / frame_bytes] = stack;
  packets++;
  octets += length;
  return 1;
}
static void keep(struct connection *c, uint32_t at, uint32_t length) {
  struct piece *p = &pieces[at / frame_bytes];
  *p = (struct piece){NULL, at, length, c};
  if (c->tail) c->tail->next = p; else c->head = p;
  c->tail = p;
  c->held++;
  if (!c->said) { c->said = 1; events[(first_event + event_count++) % connections] = (uint32_t)(c - table); }
}
static int hand(uint32_t frame, enum owner from, enum owner to) {
  if (frame >= frames || owners[frame] != from) { faults++; return 0; }
  owners[frame] = (uint8_t)to;
  return 1;
}
static uint64_t empty_frame(void) {
  uint32_t frame = spare[--spares];
  owners[frame] = stack;
  return (uint64_t)frame * frame_bytes + 256;
}
static void refill(void) {
  while (fill_producer - fill_consumer < 1024 && spares > frames / 4) {
    uint32_t frame = spare[--spares];
    owners[frame] = kernel;
    fill[fill_producer++ & (entries - 1)] = (uint64_t)frame * frame_bytes;
  }
}
static void application_reads(void) {
  for (; event_count > 0; event_count--) {
    struct connection *c = &table[events[first_event++ % connections]];
    for (struct piece *p = c->head; p; p = p->next) {
      hand(p->at / frame_bytes, stack, application);
      if (hand(p->at / frame_bytes, application, nobody)) give(p->at / frame_bytes);
      c->held--;
    }
    c->head = c->tail = NULL;
    c->said = 0;
  }
}
static void completions(void) {
  for (; tx_consumer != tx_producer; tx_consumer++) {
    uint32_t frame = (uint32_t)(tx[tx_consumer & (entries - 1)].address / frame_bytes);
    if (hand(frame, kernel, nobody)) give(frame);
  }
}
#endif

static uint16_t be16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static uint32_t be32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return __builtin_bswap32(v); }
static void put16(uint8_t *p, uint32_t v) { p[0] = (uint8_t)(v >> 8); p[1] = (uint8_t)v; }
static void put32(uint8_t *p, uint32_t v) { v = __builtin_bswap32(v); memcpy(p, &v, 4); }

static uint64_t sum(const uint8_t *p, uint32_t length, uint64_t start) {
  uint64_t total = start;
  for (; length >= 16; length -= 16, p += 16) {
    uint32_t words[4];
    memcpy(words, p, 16);
    total += (uint64_t)words[0] + words[1] + words[2] + words[3];
  }
  for (; length >= 2; length -= 2, p += 2) { uint16_t word; memcpy(&word, p, 2); total += word; }
  return length ? total + *p : total;
}
static uint32_t fold(uint64_t total) {
  total = (total & 0xffffffff) + (total >> 32);
  total = (total & 0xffff) + (total >> 16);
  total = (total & 0xffff) + (total >> 16);
  return (uint32_t)((total & 0xffff) + (total >> 16));
}

static uint32_t hash(uint32_t source, uint32_t destination, uint32_t ports) {
  uint32_t h = (source ^ destination) * 0x9e3779b1u;
  h = (h ^ ports ^ (h >> 15)) * 0x85ebca6bu;
  return (h ^ (h >> 13)) & (slots - 1);
}
static struct connection *look_up(uint32_t source, uint32_t destination, uint32_t ports) {
  for (uint32_t at = hash(source, destination, ports);; at = (at + 1) & (slots - 1)) {
    if (index_of[at] == 0) return NULL;
    struct connection *c = &table[index_of[at] - 1];
    if (c->source == source && c->destination == destination && c->ports == ports) return c;
  }
}

static void acknowledge(const uint8_t *in, const struct connection *c, uint64_t place) {
  uint8_t *out = umem + place;
  memcpy(out, in + 6, 6);
  memcpy(out + 6, in, 6);
  memcpy(out + 12, "\x08\x00\x45\x00\x00\x28\x00\x00\x40\x00\x40\x06\x00\x00", 14);
  memcpy(out + 26, in + 30, 4);
  memcpy(out + 30, in + 26, 4);
  uint16_t check = (uint16_t)~fold(sum(out + 14, 20, 0));
  memcpy(out + 24, &check, 2);
  memcpy(out + 34, in + 36, 2);
  memcpy(out + 36, in + 34, 2);
  put32(out + 38, c->sent);
  put32(out + 42, c->next);
  put16(out + 46, 0x5010);
  put16(out + 48, c->window);
  put32(out + 50, 0);
  check = (uint16_t)~fold(sum(out + 34, 20, sum(out + 26, 8, 0x0600 + 0x1400)));
  memcpy(out + 50, &check, 2);
#ifdef WHOLE
  if (!hand((uint32_t)(place / frame_bytes), stack, kernel)) return;
  acknowledgements++;
#endif
  tx[tx_producer++ & (entries - 1)] = (struct descriptor){place, 54, 0};
}

static int segment(const struct descriptor *d, uint64_t place) {
  const uint8_t *f = umem + d->address;
  if (d->address + d->length > sizeof umem || d->length < 54 || be16(f + 12) != 0x0800 || f[14] != 0x45) return 0;
  uint32_t total = be16(f + 16), tcp_bytes = total - 20;
  if (total < 40 || total + 14 > d->length || (be16(f + 20) & 0x3fff) || f[23] != 6) return 0;
  if (fold(sum(f + 14, 20, 0)) != 0xffff) return 0;
  if (fold(sum(f + 34, tcp_bytes, sum(f + 26, 8, 0x0600 + (uint64_t)__builtin_bswap16((uint16_t)tcp_bytes)))) != 0xffff) return 0;
  uint32_t header = (uint32_t)(f[46] >> 4) * 4, source, destination, ports;
  if (header < 20 || header > tcp_bytes) return 0;
  memcpy(&source, f + 26, 4);
  memcpy(&destination, f + 30, 4);
  memcpy(&ports, f + 34, 4);
  struct connection *c = look_up(source, destination, ports);
  if (!c || be32(f + 38) != c->next || (f[47] & 0x37) != 0x10) return 0;
  uint32_t acknowledged = be32(f + 42), payload = tcp_bytes - header;
  if ((int32_t)(c->sent - acknowledged) < 0) return 0;
#ifdef WHOLE
  if (payload > c->edge - c->next || c->held >= mostHeld || be16(f + 48) == 0) return 0;
  keep(c, (uint32_t)d->address + 34 + header, payload);
#endif
  c->next += payload;
  c->bytes += payload;
  if (++c->unacknowledged < 2) {
#ifdef WHOLE
    if (!c->armed) c->due = now + delayTicks;
    c->armed = 1;
#endif
    return 1;
  }
  c->unacknowledged = 0;
#ifdef WHOLE
  c->armed = 0;
  uint32_t edge = c->next + (mostHeld - c->held) * frameWindow;
  if ((int32_t)(edge - c->edge) > 1460) c->edge = edge;
  c->window = c->edge - c->next > 0xffff ? 0xffff : c->edge - c->next;
  place = empty_frame();
#endif
  acknowledge(f, c, place);
  return 1;
}

static void make(uint64_t place, uint32_t length, struct connection *c, uint32_t *next) {
  uint8_t *f = umem + place;
  uint32_t payload = length - 54;
  memcpy(f, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x08\x00\x45\x00", 16);
  put16(f + 16, 40 + payload);
  memcpy(f + 18, "\x00\x00\x40\x00\x40\x06\x00\x00", 8);
  memcpy(f + 26, &c->source, 4);
  memcpy(f + 30, &c->destination, 4);
  uint16_t check = (uint16_t)~fold(sum(f + 14, 20, 0));
  memcpy(f + 24, &check, 2);
  memcpy(f + 34, &c->ports, 4);
  put32(f + 38, *next);
  put32(f + 42, c->sent);
  put16(f + 46, 0x5018);
  put16(f + 48, 4096);
  put32(f + 50, 0);
  for (uint32_t at = 0; at < payload; at++) f[54 + at] = (uint8_t)(at * 31 + *next);
  check = (uint16_t)~fold(sum(f + 34, 20 + payload, sum(f + 26, 8, 0x0600 + (uint64_t)__builtin_bswap16((uint16_t)(20 + payload)))));
  memcpy(f + 50, &check, 2);
  *next += payload;
}

static int later(const void *one, const void *other) {
  uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
  return (a > b) - (a < b);
}

int main(int count, char **words) {
  uint32_t length = count > 1 ? (uint32_t)atoi(words[1]) : 0, segments = count > 2 ? (uint32_t)atoi(words[2]) : 0;
  if (length < 55 || length > 1514 || segments < run || segments / run > most_runs) return 2;
  static uint32_t next[connections];
  for (uint32_t k = 0; k < connections; k++) {
    struct connection *c = &table[k];
    *c = (struct connection){.source = __builtin_bswap32(0x0a000002 + k * 7), .destination = __builtin_bswap32(0x0a000001),
                             .next = 1000 + k, .sent = 5000 + k, .window = 0xffff};
    uint8_t ports[4] = {(uint8_t)((20000 + k * 13) >> 8), (uint8_t)(20000 + k * 13), 80 >> 8, 80};
    memcpy(&c->ports, ports, 4);
    next[k] = c->next;
#ifdef WHOLE
    c->edge = c->next + mostHeld * frameWindow;
#endif
    uint32_t at = hash(c->source, c->destination, c->ports);
    while (index_of[at]) at = (at + 1) & (slots - 1);
    index_of[at] = (uint16_t)(k + 1);
  }
  // Pages of memory that nobody had yet cost more than a segment.
  memset(umem, 1, sizeof umem);
#ifdef WHOLE
  for (uint32_t frame = frames; frame > 0; frame--) give(frame - 1);
  refill();
#endif
  static uint64_t nanoseconds[most_runs];
  uint32_t runs = 0;
  for (; runs < segments / run; runs++) {
    for (uint32_t i = 0; i < run; i++) {
#ifdef WHOLE
      uint64_t place = fill[fill_consumer++ & (entries - 1)] + 256;
#else
      uint64_t place = (uint64_t)i * frame_bytes + 256;
#endif
      make(place, length, &table[i % connections], &next[i % connections]);
      rx[(rx_consumer + i) & (entries - 1)] = (struct descriptor){place, length, 0};
    }
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (uint32_t i = 0; i < run; i += batch) {
#ifdef WHOLE
      now++;
      completions();
#endif
      for (uint32_t k = 0; k < batch; k++) {
        const struct descriptor *d = &rx[rx_consumer++ & (entries - 1)];
#ifdef WHOLE
        if (!taken(d->address, d->length) || !segment(d, 0)) return 3;
#else
        if (!segment(d, (uint64_t)(2048 + (tx_producer & 1023)) * frame_bytes + 256)) return 3;
        fill[fill_producer++ & (entries - 1)] = d->address & ~(uint64_t)(frame_bytes - 1);
#endif
      }
#ifdef WHOLE
      application_reads();
      refill();
#endif
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    nanoseconds[runs] = (uint64_t)(to.tv_sec - from.tv_sec) * 1000000000 + (uint64_t)to.tv_nsec - (uint64_t)from.tv_nsec;
  }
#ifdef WHOLE
  if (faults != 0 || packets != (uint64_t)runs * run) return 4;
#endif
  qsort(nanoseconds, runs, sizeof nanoseconds[0], later);
  printf("%.2f\n", (double)nanoseconds[runs / 10] / run);
  return 0;
}
