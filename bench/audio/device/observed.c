// A sound device without a card that observes who plays to it: a plugin of ALSA's library (ioplug), so that any program with an ALSA output plays to it as it is. Its clock is
// CLOCK_MONOTONIC; periods end by a timer of the kernel's (timerfd), as they do by a card's interrupt; its ring runs dry, and stops, as a card's does. Every hand-over of frames is noted in
// a shared file with its time and both pointers. All programs get the same ring: nothing else is offered. Not here: what is made of the notes (notes.ts), the programs (../players.ts).
// cc -O2 -shared -fPIC -o libasound_module_pcm_observed.so observed.c -lasound
// pcm.NAME { type observed notes "FILE" rate 48000 period 256 buffer 1024 }: FILE is there, and as long as what may be noted
// With sound "FILE" all frames that were handed over are put at its end, which is no work for a device that is measured at.

#define _GNU_SOURCE
#define PIC 1
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MAGIC = 0x4e4f5445, OPENED = 1, PREPARED = 2, STARTED = 3, COMMITTED = 4, DRY = 5, STOPPED = 6, CLOSED = 7 };

// The words of notes.ts. `at`: nanoseconds of CLOCK_MONOTONIC; `appl`, `hw`: frames since the stream was prepared, before what is noted.
struct note {
  int64_t at, appl, hw;
  int32_t kind, frames;
};

struct notes {
  uint32_t magic, room;
  _Atomic uint32_t count, left_out, polls;
  uint32_t rate, period, buffer, avail_min, unused[7];
  struct note note[];
};

struct device {
  snd_pcm_ioplug_t io;
  struct notes *notes;
  size_t notes_bytes, frame_bytes;
  char *ring;
  int64_t started;
  snd_pcm_uframes_t avail_min;
  int is_dry, sound;
  unsigned rate, period, buffer;
};

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void note(struct device *device, int kind, int64_t at, int64_t hw, int32_t frames) {
  struct notes *notes = device->notes;
  const uint32_t index = atomic_fetch_add(&notes->count, 1);
  if (index >= notes->room) {
    atomic_fetch_sub(&notes->count, 1);
    atomic_fetch_add(&notes->left_out, 1);
    return;
  }
  notes->note[index] = (struct note){at, device->io.appl_ptr, hw, kind, frames};
}

// Frames that have left by `at`.
static int64_t left(const struct device *device, int64_t at) {
  return device->started ? (at - device->started) * (int64_t)device->rate / 1000000000 : 0;
}

static void arm(struct device *device, int64_t first, int64_t every) {
  const struct itimerspec timer = {
    .it_value = {first / 1000000000, first % 1000000000}, .it_interval = {every / 1000000000, every % 1000000000}};
  timerfd_settime(device->io.poll_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

// It is dry from the moment at which the last frame left, whenever that is seen.
static int runs_dry(struct device *device, int64_t at) {
  const int64_t appl = device->io.appl_ptr;
  if (!device->is_dry && device->started && device->io.state == SND_PCM_STATE_RUNNING && left(device, at) >= appl) {
    device->is_dry = 1;
    snd_pcm_ioplug_set_state(&device->io, SND_PCM_STATE_XRUN);
    note(device, DRY, device->started + (appl * 1000000000 + device->rate - 1) / device->rate, appl, 0);
  }
  return device->is_dry;
}

static int on_start(snd_pcm_ioplug_t *io) {
  struct device *device = io->private_data;
  device->started = now();
  note(device, STARTED, device->started, 0, 0);
  arm(device, device->started, (int64_t)device->period * 1000000000 / device->rate);
  return 0;
}

static int on_stop(snd_pcm_ioplug_t *io) {
  struct device *device = io->private_data;
  const int64_t at = now();
  note(device, STOPPED, at, left(device, at), 0);
  device->started = 0;
  return 0;
}

static int on_prepare(snd_pcm_ioplug_t *io) {
  struct device *device = io->private_data;
  device->started = 0;
  device->is_dry = 0;
  note(device, PREPARED, now(), 0, 0);
  arm(device, 1, 0);
  return 0;
}

static snd_pcm_sframes_t on_pointer(snd_pcm_ioplug_t *io) {
  struct device *device = io->private_data;
  const int64_t at = now(), appl = io->appl_ptr, hw = left(device, at);
  if (runs_dry(device, at)) return -EPIPE;
  return hw < appl ? hw : appl;
}

// Frames are the device's when they are in its ring: mapped, they are there when they are handed over.
static snd_pcm_sframes_t on_transfer(
    snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas, snd_pcm_uframes_t offset, snd_pcm_uframes_t frames) {
  struct device *device = io->private_data;
  const int is_mapped = io->access == SND_PCM_ACCESS_MMAP_INTERLEAVED;
  const char *from = (const char *)areas[0].addr + (areas[0].first + areas[0].step * offset) / 8;
  if (!is_mapped) {
    const snd_pcm_uframes_t to = io->appl_ptr % device->buffer, rest = device->buffer - to;
    const snd_pcm_uframes_t first = frames < rest ? frames : rest;
    memcpy(device->ring + to * device->frame_bytes, from, first * device->frame_bytes);
    memcpy(device->ring, from + first * device->frame_bytes, (frames - first) * device->frame_bytes);
  }
  const int64_t at = now();
  // As the kernel: a write to what is dry is refused, a moved pointer is not seen until the next look.
  if (runs_dry(device, at) && !is_mapped) return -EPIPE;
  note(device, COMMITTED, at, left(device, at), (int32_t)frames);
  if (device->sound >= 0 && write(device->sound, from, frames * device->frame_bytes) != (ssize_t)(frames * device->frame_bytes)) return -EIO;
  return (snd_pcm_sframes_t)frames;
}

static void forget_tick(snd_pcm_ioplug_t *io) {
  uint64_t ticks;
  if (read(io->poll_fd, &ticks, sizeof ticks) < 0) return;
}

// Readable: a period ended since the last look. Who waits is woken when as much is free as it asked for.
static int on_revents(snd_pcm_ioplug_t *io, struct pollfd *fds, unsigned count, unsigned short *revents) {
  struct device *device = io->private_data;
  if (count != 1) return -EINVAL;
  *revents = 0;
  atomic_fetch_add(&device->notes->polls, 1);
  if (!(fds->revents & POLLIN)) return 0;
  const int64_t at = now(), queued = (int64_t)io->appl_ptr - left(device, at);
  // A card whose last frame has left stops by itself: some programs wait for that (MPD).
  if (io->state == SND_PCM_STATE_DRAINING && queued <= 0) {
    on_stop(io);
    snd_pcm_ioplug_set_state(io, SND_PCM_STATE_SETUP);
    *revents = POLLOUT;
    return 0;
  }
  if (io->state == SND_PCM_STATE_DRAINING) forget_tick(io);
  if (runs_dry(device, at)) *revents = POLLOUT | POLLERR;
  else if (io->state == SND_PCM_STATE_DRAINING || (int64_t)device->buffer - queued >= (int64_t)device->avail_min)
    *revents = POLLOUT;
  else forget_tick(io);
  return 0;
}

static int on_hw_params(snd_pcm_ioplug_t *io, snd_pcm_hw_params_t *params) {
  struct device *device = io->private_data;
  (void)params;
  device->notes->rate = device->rate = io->rate;
  free(device->ring);
  device->ring = calloc(device->buffer, device->frame_bytes);
  return device->ring ? 0 : -ENOMEM;
}

static int on_sw_params(snd_pcm_ioplug_t *io, snd_pcm_sw_params_t *params) {
  struct device *device = io->private_data;
  snd_pcm_sw_params_get_avail_min(params, &device->avail_min);
  device->notes->avail_min = device->avail_min;
  return 0;
}

static int on_close(snd_pcm_ioplug_t *io) {
  struct device *device = io->private_data;
  note(device, CLOSED, now(), 0, 0);
  munmap(device->notes, device->notes_bytes);
  close(io->poll_fd);
  if (device->sound >= 0) close(device->sound);
  free(device->ring);
  free(device);
  return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
  .start = on_start, .stop = on_stop, .pointer = on_pointer, .transfer = on_transfer, .prepare = on_prepare, .close = on_close,
  .hw_params = on_hw_params, .sw_params = on_sw_params, .poll_revents = on_revents};

static int offer(struct device *device) {
  const unsigned access[] = {SND_PCM_ACCESS_MMAP_INTERLEAVED, SND_PCM_ACCESS_RW_INTERLEAVED}, format[] = {SND_PCM_FORMAT_S16_LE};
  // Some programs ask for 44,100 Hz before they ask for what they play (speaker).
  const unsigned rates[] = {44100, device->rate};
  snd_pcm_ioplug_t *io = &device->io;
  const unsigned period = device->period * device->frame_bytes, buffer = device->buffer * device->frame_bytes;
  int failed = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 2, access);
  if (!failed) failed = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, format);
  if (!failed) failed = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS, 2, 2);
  if (!failed) failed = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_RATE, 2, rates);
  if (!failed) failed = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, period, period);
  if (!failed) failed = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, buffer, buffer);
  return failed;
}

static int open_notes(struct device *device, const char *path) {
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  struct stat stat;
  if (fd < 0) return -errno;
  if (fstat(fd, &stat) < 0 || stat.st_size < 4096) {
    close(fd);
    return -EINVAL;
  }
  device->notes_bytes = stat.st_size;
  // All pages are there before something is noted.
  void *notes = mmap(NULL, stat.st_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  close(fd);
  if (notes == MAP_FAILED) return -ENOMEM;
  device->notes = notes;
  device->notes->magic = MAGIC;
  device->notes->room = (stat.st_size - sizeof(struct notes)) / sizeof(struct note);
  device->notes->rate = device->rate, device->notes->period = device->period, device->notes->buffer = device->buffer;
  return 0;
}

SND_PCM_PLUGIN_DEFINE_FUNC(observed) {
  const char *path = NULL, *sound = NULL;
  long rate = 48000, period = 0, buffer = 0;
  snd_config_iterator_t each, next;
  (void)root;
  snd_config_for_each(each, next, conf) {
    snd_config_t *entry = snd_config_iterator_entry(each);
    const char *id;
    if (snd_config_get_id(entry, &id) < 0) continue;
    if (!strcmp(id, "notes")) snd_config_get_string(entry, &path);
    else if (!strcmp(id, "sound")) snd_config_get_string(entry, &sound);
    else if (!strcmp(id, "rate")) snd_config_get_integer(entry, &rate);
    else if (!strcmp(id, "period")) snd_config_get_integer(entry, &period);
    else if (!strcmp(id, "buffer")) snd_config_get_integer(entry, &buffer);
  }
  if (stream != SND_PCM_STREAM_PLAYBACK || !path || rate < 8000 || period < 16 || buffer < 2 * period || buffer > 1 << 20) return -EINVAL;
  struct device *device = calloc(1, sizeof *device);
  if (!device) return -ENOMEM;
  device->rate = rate, device->period = period, device->buffer = buffer, device->avail_min = period, device->frame_bytes = 4;
  device->sound = -1;
  int failed = open_notes(device, path);
  if (failed) {
    free(device);
    return failed;
  }
  if (sound) device->sound = open(sound, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  device->io = (snd_pcm_ioplug_t){
    .version = SND_PCM_IOPLUG_VERSION, .name = "a device that observes", .flags = SND_PCM_IOPLUG_FLAG_MONOTONIC | SND_PCM_IOPLUG_FLAG_BOUNDARY_WA,
    .poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), .poll_events = POLLIN, .callback = &callbacks, .private_data = device};
  failed = device->io.poll_fd < 0 || (sound && device->sound < 0) ? -errno : snd_pcm_ioplug_create(&device->io, name, stream, mode);
  if (!failed) {
    failed = offer(device);
    if (failed) snd_pcm_ioplug_delete(&device->io); // which closes
  } else {
    munmap(device->notes, device->notes_bytes);
    if (device->io.poll_fd >= 0) close(device->io.poll_fd);
    if (device->sound >= 0) close(device->sound);
    free(device);
  }
  if (failed) return failed;
  note(device, OPENED, now(), 0, 0);
  *pcmp = device->io.pcm;
  return 0;
}
SND_PCM_PLUGIN_SYMBOL(observed);
