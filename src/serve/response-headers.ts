// The fields that an operator adds to every response: which names and values are taken, and their text in a head.
// Not here: the fields that responses have of themselves (head.ts).

/** Why a field cannot be set this way; names are in lower case. */
const refused: Readonly<Record<string, string>> = {
  'cache-control': 'that of files is set by cacheControl (--cache-control)',
  ...Object.fromEntries(
    [
      ...[
        'accept-ranges',
        'allow',
        'connection',
        'content-encoding',
        'content-length',
        'content-range',
        'content-type',
      ],
      ...['date', 'etag', 'keep-alive', 'last-modified', 'location', 'retry-after', 'server', 'trailer'],
      ...['transfer-encoding', 'upgrade'],
    ].map((name) => [name, 'the server sets it itself']),
  ),
};

/** Room for all added fields together: a head with them still fits beside a file in a frame. */
const mostBytes = 2048;

/** Why the fields are refused, as a sentence; undefined when they can be sent. @param cors whether `cors` is on. */
export function headersProblem(headers: unknown, cors: boolean): string | undefined {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) {
    return 'headers must be an object of names and values, such as {"X-Frame-Options": "DENY"}';
  }
  for (const [name, value] of Object.entries(headers)) {
    const shown = JSON.stringify(name);
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name)) return `${shown} is no name of a header field`;
    const why = refused[name.toLowerCase()];
    if (why !== undefined) return `the header field ${shown} cannot be set here: ${why}`;
    if (cors && name.toLowerCase() === 'access-control-allow-origin') {
      return `the header field ${shown} cannot be set here: cors sets it; choose one of them`;
    }
    if (typeof value !== 'string' || !/^[\x21-\x7e](?:[\x20\x21-\x7e]*[\x21-\x7e])?$/.test(value)) {
      return `the value of the header field ${shown} must be printable ASCII, without a blank at its ends`;
    }
  }
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return `the header field ${JSON.stringify(twice)} is given twice`;
  const bytes = headerLines(headers as Record<string, string>).length;
  return bytes > mostBytes ? `headers take ${bytes} bytes, and at most ${mostBytes} are allowed` : undefined;
}

/** The fields as lines of a head, each ending in CRLF. */
export function headerLines(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}
