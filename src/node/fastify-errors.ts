// The errors of the Fastify plugin, with the codes that @fastify/static gave them, so that handlers of its errors work.

/** A refused option or address. */
export class FastifyStaticError extends Error {
  override readonly name = 'FastifyError';
  readonly code: string;
  readonly statusCode: number;

  constructor(code: string, message: string, statusCode = 500) {
    super(message);
    this.code = code;
    this.statusCode = statusCode;
  }
}

/** An option that cannot be as it is. */
export function invalidOption(name: string, problem: string): FastifyStaticError {
  return new FastifyStaticError('FST_STATIC_INVALID_OPTION', `"${name}" option ${problem}`);
}

/** An option with a value of the wrong kind. */
export function invalidOptionValue(name: string, problem: string): FastifyStaticError {
  return new FastifyStaticError('FST_STATIC_INVALID_OPTION_VALUE', `"${name}" option ${problem}`);
}
