// BypassRefusal: what was said of our own TCP/IP cannot be. Not here: what the host refuses (xdp/xdp-error.ts).

/** What is wrong, in words that name the value, and the fix. */
export class BypassRefusal extends Error {
  override readonly name = 'BypassRefusal';
  readonly code = 'CLEARWAY_BYPASS';
}

/** Refuses. @throws BypassRefusal */
export function refuse(message: string): never {
  throw new BypassRefusal(message);
}
