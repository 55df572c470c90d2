// The loop of the pump in C, to measure ours against: locks all of its memory, becomes SCHED_FIFO, sleeps until an absolute time by clock_nanosleep, copies a period from one ring to
// another, and counts how late it woke. One thread, no allocation. Prints one line of JSON. Not here: what it is compared with (lateness.ts).
// cc -O2 -o pump pump.c; ./pump FRAMES RATE SECONDS PRIORITY (0: as every other process)

#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int rising(const void *one, const void *other) {
  int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;
  return a < b ? -1 : a > b;
}

static double us(const int64_t *sorted, long count, double share) {
  long index = (long)(count * share);
  return sorted[index < count ? index : count - 1] / 1000.0;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  const long frames = atol(argv[1]), rate = atol(argv[2]), seconds = atol(argv[3]);
  const int priority = atoi(argv[4]);
  if (frames < 1 || rate < 1 || seconds < 1) return 2;
  const long count = seconds * rate / frames;
  const size_t bytes = (size_t)frames * 4, ring = bytes * 4, source = (size_t)rate * 2 * 4 / bytes * bytes;
  char *from = malloc(source), *to = malloc(ring);
  int64_t *late = malloc(count * sizeof *late), *work = malloc(count * sizeof *work);
  if (!from || !to || !late || !work) return 1;
  memset(from, 1, source), memset(to, 1, ring), memset(late, 1, count * sizeof *late), memset(work, 1, count * sizeof *work);
  prctl(PR_SET_TIMERSLACK, 1);
  int locked = 0, got = 0;
  if (priority > 0) {
    locked = mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
    struct sched_param param = {.sched_priority = priority};
    got = sched_setscheduler(0, SCHED_FIFO, &param) == 0 ? priority : 0;
  }
  struct rusage before, after;
  getrusage(RUSAGE_THREAD, &before);
  int64_t deadline = now() + 10000000;
  long missed = 0;
  for (long k = 0; k < count; k++) {
    struct timespec wanted = {deadline / 1000000000, deadline % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wanted, NULL)) {}
    const int64_t woke = now();
    late[k] = woke - deadline;
    memcpy(to + (k % 4) * bytes, from + (k * bytes) % source, bytes);
    work[k] = now() - woke;
    const int64_t period = (k + 1) * frames * 1000000000LL / rate - k * frames * 1000000000LL / rate;
    missed += late[k] > period;
    deadline += period;
    // Late by more than it can make up for: what was missed is missed.
    if (woke > deadline + period) deadline = woke + period;
  }
  getrusage(RUSAGE_THREAD, &after);
  qsort(late, count, sizeof *late, rising);
  qsort(work, count, sizeof *work, rising);
  printf("{\"count\":%ld,\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,\"late\":%ld,\"workP50\":%.2f,\"workP99\":%.2f,"
         "\"priority\":%d,\"locked\":%d,\"minorFaults\":%ld,\"majorFaults\":%ld,\"involuntary\":%ld}\n",
         count, us(late, count, 0.5), us(late, count, 0.99), us(late, count, 0.999), us(late, count, 1), missed, us(work, count, 0.5),
         us(work, count, 0.99), got, locked, after.ru_minflt - before.ru_minflt, after.ru_majflt - before.ru_majflt,
         after.ru_nivcsw - before.ru_nivcsw);
  return 0;
}
