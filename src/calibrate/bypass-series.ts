// The series of a server past the kernel: frames, batches and names. Not here: measuring them (measure-bypass.ts), what they mean (fit-bypass.ts,
// check-bypass.ts).

/** What is measured of an echo: parts of ours, all of ours, and the kernel's way. */
export type BypassPart = 'receive' | 'core' | 'send' | 'whole' | 'socket';

/** One figure: a part, bytes of each frame with its FCS, and how many frames are under way together. */
export interface BypassPoint {
  readonly part: BypassPart;
  readonly frame: number;
  readonly batch: number;
}

/** Frames of which constants are made: the least and the largest of Ethernet. */
export const fittedFrames = { small: 64, large: 1518 } as const;
/** Frames a call: as many as the kernel sends in one, and few, so that the call itself shows. */
export const fittedBatches = { many: 32, few: 4 } as const;

/** Points of which the constants are solved. */
export const fittedPoints: readonly BypassPoint[] = [
  ...[fittedFrames.small, fittedFrames.large].flatMap((frame) =>
    (['receive', 'core', 'send', 'socket'] as const).map((part) => ({ part, frame, batch: fittedBatches.many })),
  ),
  { part: 'send', frame: fittedFrames.small, batch: fittedBatches.few },
];

/** Points that are only compared: other frames, other batches, the echo as a whole. */
export const comparedPoints: readonly BypassPoint[] = [256, 1024].flatMap((frame) =>
  (['whole', 'socket'] as const).map((part) => ({ part, frame, batch: 16 })),
);

/** The name of a point's series. */
export function bypassName({ part, frame, batch }: BypassPoint): string {
  return `bypass.${part}.${frame}.${batch}`;
}
