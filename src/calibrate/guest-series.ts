// The series of a guest's packets: sizes and names. Not here: measuring them (measure-guest.ts), what they mean (fit.ts, check-guest.ts).

/** One figure: a packet of so many bytes. */
export interface GuestPoint {
  readonly bytes: number;
}

/** What it costs is a constant of the model. */
export const fittedGuest: GuestPoint = { bytes: 64 };

/** Packets that are only compared with what the model says of them. */
export const comparedGuests: readonly GuestPoint[] = [1514, 16_384, 62_000].map((bytes) => ({ bytes }));

/** The name of a point's series. */
export function guestName({ bytes }: GuestPoint): string {
  return `guest.${bytes}`;
}
