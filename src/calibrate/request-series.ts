// The series of requests over TCP on a veth pair: which file on how many connections, by which way, and names. Not here: measuring them (measure-requests.ts), what they mean
// (fit-requests.ts, check-requests.ts).

/** The ways of a request: the kernel's sockets, and our own TCP/IP. */
export const requestWays = ['socket', 'bypass'] as const;
export type RequestWay = (typeof requestWays)[number];

/** One figure: processor time of the server a request. */
export interface RequestPoint {
  readonly way: RequestWay;
  readonly bytes: number;
  readonly connections: number;
}

/** Files of which constants are made. */
export const fittedFiles = { small: 1024, large: 65_536 } as const;
export const fittedRequestConnections = 16;

/** Points of which the constants are solved. */
export const fittedRequests: readonly RequestPoint[] = requestWays.flatMap((way) =>
  Object.values(fittedFiles).map((bytes) => ({ way, bytes, connections: fittedRequestConnections })),
);

/** Points that are only compared: other files, other numbers of connections. */
export const comparedRequests: readonly RequestPoint[] = requestWays.flatMap((way) => [
  { way, bytes: 8192, connections: 16 },
  { way, bytes: 32_768, connections: 8 },
]);

/** The name of a point's series. */
export function requestName({ way, bytes, connections }: RequestPoint): string {
  return `request.${way}.${bytes}.${connections}`;
}
