// What a front end says of a back end that cannot be used. Not here: what back ends say of front ends (session.ts).

/** A back end that is not there, refuses, or does not keep to the protocol: what it did and what fixes it, in a sentence. */
export class FrontEndError extends Error {
  override readonly name = 'FrontEndError';
  readonly code = 'CLEARWAY_FRONT_END';
}
