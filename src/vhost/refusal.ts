// Refusal: a message of a front end that is not obeyed. Not here: what is done about it (session.ts).

/** A message that cannot be obeyed: why, in words. The session goes on where its front end can be told, and ends where it cannot. */
export class Refusal extends Error {}

/** A message was obeyed, at once or later; with a reason: it was refused. */
export type Done = (refusal?: string) => void;

/** Refuses a message. @throws Refusal */
export function refuse(why: string): never {
  throw new Refusal(why);
}
