// The content codings that siblings of a file may have, by the ends of their names. Not here: choosing one (negotiate.ts).

/** Codings in the server's order of preference. A coding's number is its place here plus 1, its bit `1 << number`. */
export const codings = [
  { name: 'br', extension: '.br' },
  { name: 'zstd', extension: '.zst' },
  { name: 'gzip', extension: '.gz' },
] as const;

/** Names of the codings, best first. */
export const codingNames = codings.map(({ name }) => name);

/** The bits of all codings. */
export const everyCoding = 0b1110;

const endings = codings.map(({ extension }) => Uint8Array.from(extension, (character) => character.charCodeAt(0)));

/** The bit of the coding that a name's end says; 0 for none. */
export function codingOfName(bytes: Uint8Array, start: number, end: number): number {
  for (let index = 0; index < endings.length; index++) {
    const ending = endings[index]!;
    const at = end - ending.length;
    if (at <= start) continue;
    let same = true;
    for (let place = 0; place < ending.length && same; place++) same = bytes[at + place] === ending[place];
    if (same) return 1 << (index + 1);
  }
  return 0;
}
