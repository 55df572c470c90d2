// `?start=&end=` as nginx's mp4 module reads it: seconds with up to three decimals; what is not a number is as if it were not there.
// Not here: the clip (clip.ts).

/** A stretch of a film in seconds. */
export interface ClipRange {
  readonly start: number;
  /** Undefined: to the end of the film. */
  readonly end: number | undefined;
}

const seconds = /^(\d{1,9})(?:\.(\d{0,3})\d{0,9})?$/;

/** The stretch that a query asks for; undefined when it asks for none. The query is what stands behind the question mark. */
export function parseClipRange(query: string): ClipRange | undefined {
  const start = secondsOf(query, 'start');
  const end = secondsOf(query, 'end');
  // An end that is not behind the start is left out, as nginx does.
  const from = start ?? 0;
  const to = end !== undefined && end > from ? end : undefined;
  return start === undefined && to === undefined ? undefined : { start: from, end: to };
}

/** The first value of a name, in whole milliseconds. */
function secondsOf(query: string, name: string): number | undefined {
  for (const field of query.split('&', 64)) {
    if (!field.startsWith(`${name}=`)) continue;
    const match = seconds.exec(field.slice(name.length + 1));
    return match === null ? undefined : Number(match[1]) + Number((match[2] ?? '').padEnd(3, '0')) / 1000;
  }
  return undefined;
}
