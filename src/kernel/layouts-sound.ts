// Structures of PCM and control devices (include/uapi/sound/asound.h) on 64-bit architectures: where each field sits and how wide it is, in
// bytes, named as the kernel names them. headers.test.ts holds every offset and size to the system's own header.

/** PCM_INFO's and INFO's. */
export const snd_pcm_info = {
  size: 288,
  fields: {
    device: { offset: 0, size: 4 },
    subdevice: { offset: 4, size: 4 },
    stream: { offset: 8, size: 4 },
    card: { offset: 12, size: 4 },
    id: { offset: 16, size: 64 },
    name: { offset: 80, size: 80 },
    subname: { offset: 160, size: 32 },
    subdevices_count: { offset: 200, size: 4 },
    subdevices_avail: { offset: 204, size: 4 },
  },
} as const;

/** An interval; behind max are its bits: openmin, openmax, integer, empty. */
export const snd_interval = {
  size: 12,
  fields: {
    min: { offset: 0, size: 4 },
    max: { offset: 4, size: 4 },
  },
} as const;

/** HW_REFINE's and HW_PARAMS'. */
export const snd_pcm_hw_params = {
  size: 608,
  fields: {
    flags: { offset: 0, size: 4 },
    masks: { offset: 4, size: 96 },
    intervals: { offset: 260, size: 144 },
    rmask: { offset: 512, size: 4 },
    cmask: { offset: 516, size: 4 },
    info: { offset: 520, size: 4 },
    msbits: { offset: 524, size: 4 },
    rate_num: { offset: 528, size: 4 },
    rate_den: { offset: 532, size: 4 },
    fifo_size: { offset: 536, size: 8 },
  },
} as const;

/** SW_PARAMS'. */
export const snd_pcm_sw_params = {
  size: 136,
  fields: {
    tstamp_mode: { offset: 0, size: 4 },
    period_step: { offset: 4, size: 4 },
    sleep_min: { offset: 8, size: 4 },
    avail_min: { offset: 16, size: 8 },
    xfer_align: { offset: 24, size: 8 },
    start_threshold: { offset: 32, size: 8 },
    stop_threshold: { offset: 40, size: 8 },
    silence_threshold: { offset: 48, size: 8 },
    silence_size: { offset: 56, size: 8 },
    boundary: { offset: 64, size: 8 },
    proto: { offset: 72, size: 4 },
    tstamp_type: { offset: 76, size: 4 },
  },
} as const;

/** STATUS'. */
export const snd_pcm_status = {
  size: 152,
  fields: {
    state: { offset: 0, size: 4 },
    trigger_tstamp: { offset: 8, size: 16 },
    tstamp: { offset: 24, size: 16 },
    appl_ptr: { offset: 40, size: 8 },
    hw_ptr: { offset: 48, size: 8 },
    delay: { offset: 56, size: 8 },
    avail: { offset: 64, size: 8 },
    avail_max: { offset: 72, size: 8 },
    overrange: { offset: 80, size: 8 },
    suspended_state: { offset: 88, size: 4 },
    audio_tstamp: { offset: 96, size: 16 },
  },
} as const;

/** The page that the driver writes. */
export const snd_pcm_mmap_status = {
  size: 56,
  fields: {
    state: { offset: 0, size: 4 },
    hw_ptr: { offset: 8, size: 8 },
    tstamp: { offset: 16, size: 16 },
    suspended_state: { offset: 32, size: 4 },
    audio_tstamp: { offset: 40, size: 16 },
  },
} as const;

/** The page that the application writes. */
export const snd_pcm_mmap_control = {
  size: 16,
  fields: {
    appl_ptr: { offset: 0, size: 8 },
    avail_min: { offset: 8, size: 8 },
  },
} as const;

/** SYNC_PTR's: both pages in one structure. */
export const snd_pcm_sync_ptr = {
  size: 136,
  fields: {
    flags: { offset: 0, size: 4 },
    s: { offset: 8, size: 64 },
    c: { offset: 72, size: 64 },
  },
} as const;

/** CARD_INFO's. */
export const snd_ctl_card_info = {
  size: 376,
  fields: {
    card: { offset: 0, size: 4 },
    id: { offset: 8, size: 16 },
    driver: { offset: 24, size: 16 },
    name: { offset: 40, size: 32 },
    longname: { offset: 72, size: 80 },
    mixername: { offset: 168, size: 80 },
    components: { offset: 248, size: 128 },
  },
} as const;

/** What names a control element. */
export const snd_ctl_elem_id = {
  size: 64,
  fields: {
    numid: { offset: 0, size: 4 },
    iface: { offset: 4, size: 4 },
    device: { offset: 8, size: 4 },
    subdevice: { offset: 12, size: 4 },
    name: { offset: 16, size: 44 },
    index: { offset: 60, size: 4 },
  },
} as const;

/** ELEM_READ's; `value` is up to 128 numbers of 8 bytes. */
export const snd_ctl_elem_value = {
  size: 1224,
  fields: {
    id: { offset: 0, size: 64 },
    value: { offset: 72, size: 1024 },
  },
} as const;
