// The stable code of an error that people and programs see, where it has no class of its own: the sentence may change, the code does not, and
// docs/errors.md lists it. An error without a code is a defect: the command line shows its stack.

/** Gives an error its code. */
export function coded<Kind extends Error>(code: string, error: Kind): Kind & { readonly code: string } {
  return Object.assign(error, { code });
}

/** A function of the library was given what it does not take. @param sentence names it, or says what is allowed */
export function wrongArgument(
  sentence: string,
  Kind: ErrorConstructor = RangeError,
): Error & { readonly code: string } {
  return coded('CLEARWAY_ARGUMENT', new Kind(sentence));
}

/** It is not in the state for that: closed, begun already, not begun yet. @param sentence says which */
export function wrongState(sentence: string, Kind: ErrorConstructor = Error): Error & { readonly code: string } {
  return coded('CLEARWAY_STATE', new Kind(sentence));
}
