// Proactive negotiation (RFC 9110 section 12.5): the coding that Accept-Encoding prefers among those there are, the media type
// that Accept prefers. Not here: finding out which codings a file has.

/** A member of a weighted list. */
interface Weighted {
  value: string;
  /** 0 to 1. */
  weight: number;
}

/**
 * Chooses a content coding: the highest weight wins, and among equals the one that comes first in `available`, identity last.
 * Identity that nothing names, not even a wildcard, yields to any coding that is acceptable. The field's absence and an empty
 * field both mean identity.
 *
 * @param acceptEncoding the field's value, several lines joined; undefined when it was not sent
 * @param available codings there are beside identity, best first, such as `['br', 'zstd', 'gzip']`
 * @returns a member of `available`, `identity`, or undefined when the request excludes all there is
 */
export function chooseCoding<Coding extends string>(
  acceptEncoding: string | undefined,
  available: readonly Coding[],
): Coding | 'identity' | undefined {
  if (acceptEncoding === undefined) return 'identity';
  const members = parseWeighted(acceptEncoding);
  const weightOf = (coding: string): number | undefined => {
    const alias = coding === 'gzip' ? 'x-gzip' : coding;
    const named = members.find(({ value }) => value === coding || value === alias);
    return (named ?? members.find(({ value }) => value === '*'))?.weight;
  };

  let best: Coding | undefined;
  let bestWeight = 0;
  for (const coding of available) {
    const weight = weightOf(coding) ?? 0;
    if (weight > bestWeight) {
      best = coding;
      bestWeight = weight;
    }
  }
  const identityWeight = weightOf('identity');
  if (best !== undefined && !(identityWeight !== undefined && identityWeight > bestWeight)) return best;
  return identityWeight === 0 ? undefined : 'identity';
}

/**
 * Chooses a media type: the highest weight wins, then the more specific range that gave it, then the order of `available`.
 * So a client that sends only a wildcard, or nothing, gets the first.
 *
 * @param accept the field's value, several lines joined; undefined when it was not sent
 * @param available media types in lower case, without parameters, best first
 * @returns a member of `available`, or undefined when none is acceptable
 */
export function chooseMediaType<Type extends string>(
  accept: string | undefined,
  available: readonly Type[],
): Type | undefined {
  if (accept === undefined || accept.trim() === '') return available[0];
  const members = parseWeighted(accept);
  let best: Type | undefined;
  let bestWeight = 0;
  let bestSpecificity = 0;
  for (const type of available) {
    const { weight, specificity } = weightOfType(members, type);
    if (weight > bestWeight || (weight > 0 && weight === bestWeight && specificity > bestSpecificity)) {
      best = type;
      bestWeight = weight;
      bestSpecificity = specificity;
    }
  }
  return best;
}

/** Whether a client wants JSON rather than HTML: programs say so, browsers and wildcards do not. */
export function prefersJson(accept: string | undefined): boolean {
  return chooseMediaType(accept, ['text/html', 'application/json']) === 'application/json';
}

/** The weight that the most specific matching range gives a type. Ranges with parameters count as the type itself. */
function weightOfType(members: readonly Weighted[], type: string): { weight: number; specificity: number } {
  const ranges = ['*/*', `${type.slice(0, type.indexOf('/'))}/*`, type];
  for (let specificity = 2; specificity >= 0; specificity--) {
    const member = members.find(({ value }) => value === ranges[specificity]);
    if (member !== undefined) return { weight: member.weight, specificity: specificity + 1 };
  }
  return { weight: 0, specificity: 0 };
}

/** Members with their weights, lower case, parameters but the weight dropped; one with a malformed weight is left out. */
function parseWeighted(text: string): Weighted[] {
  const members: Weighted[] = [];
  for (const item of text.split(',', MAX_MEMBERS)) {
    const [value, ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    if (value === undefined || value === '') continue;
    const weight = parameters.find((parameter) => WEIGHT_NAME.test(parameter));
    if (weight === undefined) members.push({ value, weight: 1 });
    else if (WEIGHT.test(weight)) members.push({ value, weight: Number(weight.slice(2)) });
  }
  return members;
}

/** Members read of one list; what follows them is not. */
const MAX_MEMBERS = 64;
const WEIGHT_NAME = /^q[ \t]*=/;
const WEIGHT = /^q=(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/;

/** Whether a request is for a page, what a browser navigates to: it accepts HTML, and the last segment of its path has no extension. */
export function wantsPage(path: string, accept: string | undefined): boolean {
  return !/\.[^/.]+$/.test(path) && chooseMediaType(accept, ['text/html']) !== undefined;
}
