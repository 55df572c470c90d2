// A client of JACK in C, to measure ours against on one server: each cycle it notes how late it woke after the cycle's begin, and plays silence. SIGUSR1: what was noted so far is forgotten. SIGUSR2: nothing more
// is noted. SIGTERM: prints one line of JSON and ends. Not here: what it is compared with (jack-table.ts).
// cc -O2 -o jack jack.c -ljack; ./jack

#define _GNU_SOURCE
#include <jack/jack.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { mostUs = 1 << 18 };

static jack_client_t *client;
static jack_port_t *ports[2];
static uint32_t counts[mostUs];
static atomic_int forget, isOver, xruns;

static int onXrun(void *unused) {
  (void)unused;
  if (!isOver) xruns++;
  return 0;
}

static int onCycle(jack_nframes_t frames, void *unused) {
  (void)unused;
  jack_nframes_t first;
  jack_time_t begin, next;
  float period;
  if (atomic_exchange(&forget, 0)) memset(counts, 0, sizeof counts);
  if (!isOver && jack_get_cycle_times(client, &first, &begin, &next, &period) == 0) {
    const int64_t late = (int64_t)(jack_get_time() - begin);
    counts[late < 0 ? 0 : late < mostUs ? late : mostUs - 1]++;
  }
  for (int port = 0; port < 2; port++) memset(jack_port_get_buffer(ports[port], frames), 0, frames * sizeof(float));
  return 0;
}

static long quantile(long count, double share) {
  const long rank = (long)(count * share);
  long below = 0;
  for (int us = 0; us < mostUs; us++) {
    below += counts[us];
    if (below > rank || below == count) return us;
  }
  return 0;
}

int main(void) {
  client = jack_client_open("bench-c", JackNoStartServer, NULL);
  if (!client) return fprintf(stderr, "no JACK server answers\n"), 1;
  jack_set_xrun_callback(client, onXrun, NULL);
  jack_set_process_callback(client, onCycle, NULL);
  const char *names[2] = {"left", "right"}, *sinks[2] = {"system:playback_1", "system:playback_2"};
  for (int port = 0; port < 2; port++) ports[port] = jack_port_register(client, names[port], JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput, 0);
  sigset_t waited;
  sigemptyset(&waited);
  sigaddset(&waited, SIGUSR1);
  sigaddset(&waited, SIGUSR2);
  sigaddset(&waited, SIGTERM);
  sigprocmask(SIG_BLOCK, &waited, NULL);
  if (!ports[0] || !ports[1] || jack_activate(client) != 0) return fprintf(stderr, "JACK does not take the client\n"), 1;
  for (int port = 0; port < 2; port++) jack_connect(client, jack_port_name(ports[port]), sinks[port]);
  puts("ready");
  fflush(stdout);
  int got = 0;
  while (sigwait(&waited, &got) == 0 && got != SIGTERM) {
    if (got == SIGUSR2) isOver = 1;
    else {
      xruns = 0;
      forget = 1;
    }
  }
  jack_deactivate(client);
  const double periodUs = 1e6 * jack_get_buffer_size(client) / jack_get_sample_rate(client);
  long count = 0, late = 0;
  int latest = 0;
  for (int us = 0; us < mostUs; us++) {
    count += counts[us];
    if (counts[us] == 0) continue;
    latest = us;
    if (us > periodUs) late += counts[us];
  }
  printf("{\"count\":%ld,\"p50\":%ld,\"p99\":%ld,\"p999\":%ld,\"max\":%d,\"late\":%ld,\"xruns\":%d}\n", count, quantile(count, 0.5),
         quantile(count, 0.99), quantile(count, 0.999), latest, late, xruns);
  jack_client_close(client);
  return 0;
}
