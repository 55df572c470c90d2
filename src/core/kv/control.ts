// Where settings and figures of the store stand in the block of `storeControl()`: one table for both sides, WebAssembly and plain TypeScript (only
// numbers, so that both can read it). Numbers of 4 bytes unless a comment says 8. Settings are read at `storeConfigure`, and at any time after
// where nothing else is said; figures are written by the store.

/** Bytes of the block. */
export const CONTROL_BYTES = 512;

/** 8 bytes. Most bytes of data (Redis' maxmemory); 0: fifteen sixteenths of the memory that was given. */
export const MAX_MEMORY = 0;
/** Which keys make room: one of the `POLICY_` numbers. */
export const POLICY = 8;
/** Numbered databases, 1 to 64. At `storeConfigure` only. */
export const DATABASES = 12;
/** At `storeConfigure` only. */
export const MAX_CLIENTS = 16;
/** Most arguments of a command. At `storeConfigure` only. */
export const MAX_ARGUMENTS = 20;
/** Longest argument (Redis' proto-max-bulk-len). */
export const MAX_BULK = 24;
/** Most bytes of a command that is not complete yet, and of a transaction's queue, for each client. */
export const QUERY_LIMIT = 28;
/** Bytes of output from which on a client's commands wait until it reads. */
export const OUTPUT_PAUSE = 32;
/** Bytes of output at which a client of each class is closed; 0: never. */
export const NORMAL_HARD = 36;
export const PUBSUB_HARD = 40;
/** Bytes of output that a subscriber may have for `PUBSUB_SOFT_SECONDS` only. */
export const PUBSUB_SOFT = 44;
export const PUBSUB_SOFT_SECONDS = 48;
/** Address and length of the password, which stays where it is; length 0: none is asked for. */
export const PASSWORD = 52;
export const PASSWORD_LENGTH = 56;
/** Keys that are looked at for each eviction (Redis' maxmemory-samples), 1 to 64. */
export const SAMPLES = 60;
/** 8 bytes. Microseconds since 1970 at the moment when the clock of `storeTurn` was 0. */
export const WALL_OFFSET = 64;
/** 16 bytes that nobody else knows. At `storeConfigure` only. */
export const SEED = 72;
export const LFU_LOG_FACTOR = 88;
export const LFU_DECAY_MINUTES = 92;
/** What INFO says of the process: the port it listens on, and its number. */
export const TELL_PORT = 96;
export const TELL_PROCESS = 100;
/** Seconds after which a client that says nothing is closed; 0: never. */
export const IDLE_SECONDS = 104;
/** 8 bytes each. What INFO says of the process's memory in the host's, and of the host's; 0: not known. */
export const TELL_RESIDENT = 112;
export const TELL_SYSTEM_MEMORY = 120;

/** Address of the first piece of output, after `clientOutput`. */
export const OUTPUT_ADDRESS = 128;
/** After `clientFeed`: `FEED_` bits. */
export const FEED_STATE = 132;

/** The client has so much output that its commands wait: feed the rest after it has read. */
export const FEED_FULL = 1;
/** The client is to be closed when its output has been sent. */
export const FEED_CLOSING = 2;
/** The client is to be closed now. */
export const FEED_CLOSED = 4;
/** The client waits for a key (BLPOP): feed the rest when `nextClientEvent` has named it. */
export const FEED_BLOCKED = 8;

/** Figures of 8 bytes each. */
export const USED_MEMORY = 256;
export const PEAK_MEMORY = 264;
export const KEYS = 272;
export const HITS = 280;
export const MISSES = 288;
export const EXPIRED = 296;
export const EVICTED = 304;
export const COMMANDS = 312;
export const CONNECTIONS = 320;
export const CLIENTS = 328;
export const CLIENTS_REFUSED = 336;
export const INPUT_BYTES = 344;
export const OUTPUT_BYTES = 352;
export const PROTOCOL_ERRORS = 360;
export const ERROR_REPLIES = 368;
export const OUTPUT_LIMIT_CLOSED = 376;
export const REFUSED_FOR_MEMORY = 384;
export const AUTH_FAILED = 392;
export const COPIED_BYTES = 400;
export const IDLE_CLOSED = 408;

export const MESSAGES_PUBLISHED = 416;
export const MESSAGES_DELIVERED = 424;
/** Clients whose half-sent commands held so much that others had no room for theirs. */
export const QUERY_LIMIT_CLOSED = 432;
/** Commands in the last whole second. */
export const COMMANDS_A_SECOND = 440;

export const POLICY_NOEVICTION = 0;
export const POLICY_ALLKEYS_LRU = 1;
export const POLICY_ALLKEYS_LFU = 2;
export const POLICY_ALLKEYS_RANDOM = 3;
export const POLICY_VOLATILE_LRU = 4;
export const POLICY_VOLATILE_LFU = 5;
export const POLICY_VOLATILE_RANDOM = 6;
export const POLICY_VOLATILE_TTL = 7;
