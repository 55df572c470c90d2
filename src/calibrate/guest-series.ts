// The series of a guest's packets: sizes and names. Not here: measuring them (measure-guest.ts), what they mean (fit.ts, check-guest.ts).

/** Bytes of packets: what the first costs is a constant of the model; the others are compared with what the model says of them. */
export const guestSizes: readonly number[] = [64, 1514, 16_384, 62_000];

/** The name of a size's series. */
export function guestName(bytes: number): string {
  return `guest.${bytes}`;
}
