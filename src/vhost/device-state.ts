// How a device stands at a moment, as it can be sent to another thread: whether a front end is there, what was agreed on, each queue that runs.
// Not here: what is counted (queue-counts.ts), how either is shown.

/** A queue that runs. Places and numbers are of entries; of a packed queue, where a request may take several, of descriptors. */
export interface QueueState {
  readonly name: string;
  readonly size: number;
  readonly isEnabled: boolean;
  /** Where the next entry is taken, and where the next one is given back, from 0 up to its size. */
  readonly next: number;
  readonly used: number;
  /** Entries that were taken and not given back; that the guest has made available since. Both within the size, whatever a guest writes. */
  readonly taken: number;
  readonly waiting: number;
}

/** What a front end's queues run on. */
export interface RingsState {
  /** What was agreed on, in words: how rings are laid out, then features. */
  readonly features: readonly string[];
  /** Memory that the front end passed. */
  readonly memoryBytes: number;
  readonly queues: readonly QueueState[];
}

/** See the file's head. */
export interface DeviceState extends RingsState {
  /** The front end; undefined: none is there. */
  readonly frontEnd:
    | {
        /** Undefined where the kernel does not say. */
        readonly processId: number | undefined;
        /** How long it has been there, in ms. */
        readonly forMs: number;
      }
    | undefined;
}

/** How a device stands for which nobody has come. */
export const idleState: DeviceState = { frontEnd: undefined, features: [], memoryBytes: 0, queues: [] };
