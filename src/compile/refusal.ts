// Why a module is not compiled. Not here: what is refused.

/** A module that is not compiled: its message is one sentence, which says what and where. */
class CompileError extends Error {
  override readonly name = 'CompileError';
}

/** Ends the compilation. @throws CompileError always */
export function refuse(why: string): never {
  throw new CompileError(why);
}
