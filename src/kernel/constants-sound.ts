// Sound: requests, parameters, states and flags of PCM devices and of a card's control device (include/uapi/sound/asound.h).
// Data only, named as the kernel names it: SNDRV_PCM_STATE_XRUN is SNDRV_PCM_STATE.XRUN. headers.test.ts holds every value to the system's own header.

/** ioctl requests of a PCM device (64-bit architectures). */
export const SNDRV_PCM_IOCTL = {
  PVERSION: 0x8004_4100,
  INFO: 0x8120_4101,
  TTSTAMP: 0x4004_4103,
  USER_PVERSION: 0x4004_4104,
  HW_REFINE: 0xc260_4110,
  HW_PARAMS: 0xc260_4111,
  HW_FREE: 0x4112,
  SW_PARAMS: 0xc088_4113,
  STATUS: 0x8098_4120,
  DELAY: 0x8008_4121,
  HWSYNC: 0x4122,
  SYNC_PTR: 0xc088_4123,
  PREPARE: 0x4140,
  RESET: 0x4141,
  START: 0x4142,
  DROP: 0x4143,
  DRAIN: 0x4144,
  PAUSE: 0x4004_4145,
  REWIND: 0x4008_4146,
  RESUME: 0x4147,
  XRUN: 0x4148,
  FORWARD: 0x4008_4149,
} as const;

/** ioctl requests of a card's control device. */
export const SNDRV_CTL_IOCTL = {
  PVERSION: 0x8004_5500,
  CARD_INFO: 0x8178_5501,
  ELEM_READ: 0xc4c8_5512,
  TLV_READ: 0xc008_551a,
  PCM_NEXT_DEVICE: 0x8004_5530,
  PCM_INFO: 0xc120_5531,
  PCM_PREFER_SUBDEVICE: 0x4004_5532,
} as const;

/** Directions of a PCM device. */
export const SNDRV_PCM_STREAM = {
  PLAYBACK: 0,
  CAPTURE: 1,
} as const;

/** How frames are handed over. */
export const SNDRV_PCM_ACCESS = {
  MMAP_INTERLEAVED: 0,
  MMAP_NONINTERLEAVED: 1,
  MMAP_COMPLEX: 2,
  RW_INTERLEAVED: 3,
  RW_NONINTERLEAVED: 4,
} as const;

/** Sample formats; S24_LE is the low three bytes of four. */
export const SNDRV_PCM_FORMAT = {
  S8: 0,
  U8: 1,
  S16_LE: 2,
  S16_BE: 3,
  U16_LE: 4,
  U16_BE: 5,
  S24_LE: 6,
  S24_BE: 7,
  U24_LE: 8,
  U24_BE: 9,
  S32_LE: 10,
  S32_BE: 11,
  U32_LE: 12,
  U32_BE: 13,
  FLOAT_LE: 14,
  FLOAT_BE: 15,
  FLOAT64_LE: 16,
  FLOAT64_BE: 17,
  IEC958_SUBFRAME_LE: 18,
  IEC958_SUBFRAME_BE: 19,
  MU_LAW: 20,
  A_LAW: 21,
  IMA_ADPCM: 22,
  MPEG: 23,
  GSM: 24,
  S20_LE: 25,
  S20_BE: 26,
  U20_LE: 27,
  U20_BE: 28,
  SPECIAL: 31,
  S24_3LE: 32,
  S24_3BE: 33,
  U24_3LE: 34,
  U24_3BE: 35,
  S20_3LE: 36,
  S20_3BE: 37,
  U20_3LE: 38,
  U20_3BE: 39,
  S18_3LE: 40,
  S18_3BE: 41,
  U18_3LE: 42,
  U18_3BE: 43,
  G723_24: 44,
  G723_24_1B: 45,
  G723_40: 46,
  G723_40_1B: 47,
  DSD_U8: 48,
  DSD_U16_LE: 49,
  DSD_U32_LE: 50,
  DSD_U16_BE: 51,
  DSD_U32_BE: 52,
} as const;

/** Subformats. */
export const SNDRV_PCM_SUBFORMAT = {
  STD: 0,
} as const;

/** Hardware parameters: the first three are masks, those from SAMPLE_BITS on intervals. Times are in microseconds. */
export const SNDRV_PCM_HW_PARAM = {
  ACCESS: 0,
  FORMAT: 1,
  SUBFORMAT: 2,
  SAMPLE_BITS: 8,
  FRAME_BITS: 9,
  CHANNELS: 10,
  RATE: 11,
  PERIOD_TIME: 12,
  PERIOD_SIZE: 13,
  PERIOD_BYTES: 14,
  PERIODS: 15,
  BUFFER_TIME: 16,
  BUFFER_SIZE: 17,
  BUFFER_BYTES: 18,
  TICK_TIME: 19,
} as const;

/** Flags of HW_PARAMS. */
export const SNDRV_PCM_HW_PARAMS = {
  NORESAMPLE: 1,
  EXPORT_BUFFER: 2,
  NO_PERIOD_WAKEUP: 4,
} as const;

/** What HW_REFINE and HW_PARAMS say of a device. */
export const SNDRV_PCM_INFO = {
  MMAP: 1,
  MMAP_VALID: 2,
  DOUBLE: 4,
  BATCH: 0x10,
  SYNC_APPLPTR: 0x20,
  INTERLEAVED: 0x100,
  NONINTERLEAVED: 0x200,
  COMPLEX: 0x400,
  BLOCK_TRANSFER: 0x1_0000,
  RESUME: 0x4_0000,
  PAUSE: 0x8_0000,
  HALF_DUPLEX: 0x10_0000,
  JOINT_DUPLEX: 0x20_0000,
  SYNC_START: 0x40_0000,
  NO_PERIOD_WAKEUP: 0x80_0000,
  EXPLICIT_SYNC: 0x1000_0000,
  NO_REWINDS: 0x2000_0000,
} as const;

/** States of a stream. */
export const SNDRV_PCM_STATE = {
  OPEN: 0,
  SETUP: 1,
  PREPARED: 2,
  RUNNING: 3,
  XRUN: 4,
  DRAINING: 5,
  PAUSED: 6,
  SUSPENDED: 7,
  DISCONNECTED: 8,
} as const;

/** What mmap's offset selects; those of STATUS and CONTROL are the ones that every kernel knows. */
export const SNDRV_PCM_MMAP_OFFSET = {
  DATA: 0,
  STATUS_OLD: 0x8000_0000,
  CONTROL_OLD: 0x8100_0000,
} as const;

/** Flags of SYNC_PTR: ask the hardware first; take appl_ptr, avail_min from the driver instead of giving it. */
export const SNDRV_PCM_SYNC_PTR = {
  HWSYNC: 1,
  APPL: 2,
  AVAIL_MIN: 4,
} as const;

/** Whether timestamps are taken. */
export const SNDRV_PCM_TSTAMP = {
  NONE: 0,
  ENABLE: 1,
} as const;

/** The clock of timestamps. */
export const SNDRV_PCM_TSTAMP_TYPE = {
  GETTIMEOFDAY: 0,
  MONOTONIC: 1,
  MONOTONIC_RAW: 2,
} as const;

/** Interfaces of control elements. */
export const SNDRV_CTL_ELEM_IFACE = {
  CARD: 0,
  MIXER: 2,
  PCM: 3,
} as const;

/** What a control element says beside its value; channel maps come in a container. */
export const SNDRV_CTL_TLVT = {
  CONTAINER: 0,
  CHMAP_FIXED: 0x101,
  CHMAP_VAR: 0x102,
  CHMAP_PAIRED: 0x103,
} as const;

/** Channel positions. */
export const SNDRV_CHMAP = {
  UNKNOWN: 0,
  NA: 1,
  MONO: 2,
  FL: 3,
  FR: 4,
  RL: 5,
  RR: 6,
  FC: 7,
  LFE: 8,
  SL: 9,
  SR: 10,
  RC: 11,
  FLC: 12,
  FRC: 13,
  RLC: 14,
  RRC: 15,
  FLW: 16,
  FRW: 17,
  FLH: 18,
  FCH: 19,
  FRH: 20,
  TC: 21,
  TFL: 22,
  TFR: 23,
  TFC: 24,
  TRL: 25,
  TRR: 26,
  TRC: 27,
  POSITION_MASK: 0xffff,
  PHASE_INVERSE: 0x1_0000,
  DRIVER_SPEC: 0x2_0000,
} as const;
