// What commands of strings and of keys do in the model (model.ts). Not here: collections.

import {
  bulk,
  copyOfValue,
  type Deed,
  type Entry,
  integer,
  list,
  never,
  type Outcome,
  ok,
  type Place,
  slackMs,
  wrongType,
} from './model.js';

const notInteger: Outcome = { reply: '-ERR value is not an integer or out of range\r\n' };
const noKey: Outcome = { reply: '-ERR no such key\r\n' };
const isInteger = (text: string): boolean => /^(?:0|-?[1-9]\d{0,14})$/.test(text);

/** When a key expires that is given so many milliseconds in this batch. */
export const lifeOf = ({ beginMs, endMs }: Place, ms: number): readonly [number, number] => [beginMs + ms, endMs + ms];

/** The text of a key that is a string; undefined: there is none. */
const textOf = (entry: Entry | undefined): string | undefined =>
  entry?.value.kind === 'string' ? entry.value.text : undefined;
const isOther = (entry: Entry | undefined): boolean => entry !== undefined && entry.value.kind !== 'string';

/** Puts a text, and leaves the key's time as it is. */
function rewrite(place: Place, key: string, text: string): void {
  const entry = place.look(key);
  place.put(key, { kind: 'string', text }, entry?.fromMs, entry?.toMs);
}

function change(place: Place, key: string, by: number): Outcome {
  const entry = place.look(key);
  if (isOther(entry)) return wrongType;
  const text = textOf(entry) ?? '0';
  if (!isInteger(text)) return notInteger;
  const value = Number(text) + by;
  return { reply: integer(value), apply: () => rewrite(place, key, `${value}`) };
}

/** SET and its options, in any order. */
const set: Deed = (place, [, key, text, ...options]) => {
  const entry = place.look(key!);
  const isGet = options.includes('GET');
  if (isGet && isOther(entry)) return wrongType;
  const before = bulk(textOf(entry));
  if ((options.includes('NX') && entry !== undefined) || (options.includes('XX') && entry === undefined))
    return { reply: isGet ? before : bulk(undefined) };
  const ms = options.includes('PX') ? Number(options[options.indexOf('PX') + 1]) : undefined;
  const keeps = options.includes('KEEPTTL');
  return {
    reply: isGet ? before : ok,
    apply: () => {
      const [fromMs, toMs] = ms !== undefined ? lifeOf(place, ms) : keeps ? [entry?.fromMs, entry?.toMs] : [];
      place.put(key!, { kind: 'string', text: text! }, fromMs, toMs);
    },
  };
};

/** GET with what becomes of the key then. */
const read =
  (then: (place: Place, key: string, entry: Entry, options: readonly string[]) => void): Deed =>
  (place, [, key, ...options]) => {
    const entry = place.look(key!);
    if (isOther(entry)) return wrongType;
    return {
      reply: bulk(textOf(entry)),
      ...(entry !== undefined && { apply: () => then(place, key!, entry, options) }),
    };
  };

/** A part of a text, as Redis counts: an end before the first letter is the first letter. */
function rangeOf(text: string, from: number, to: number): string {
  if (from < 0 && to < 0 && from > to) return '';
  const first = Math.max(0, from < 0 ? text.length + from : from);
  const last = Math.max(0, to < 0 ? text.length + to : to);
  return text.slice(first, last + 1);
}

function expire(place: Place, [, key, ms, condition]: readonly string[]): Outcome {
  const entry = place.look(key!);
  const hasTime = entry !== undefined && entry.toMs !== never;
  if (entry === undefined || (condition === 'NX' && hasTime) || (condition === 'XX' && !hasTime))
    return { reply: integer(0) };
  return {
    reply: integer(1),
    apply: () => {
      if (Number(ms) <= 0) place.remove(key!);
      else [entry.fromMs, entry.toMs] = lifeOf(place, Number(ms)) as [number, number];
    },
  };
}

function timeLeft(place: Place, key: string): Outcome {
  const entry = place.look(key);
  if (entry === undefined) return { reply: integer(-2) };
  if (entry.toMs === never) return { reply: integer(-1) };
  const least = Math.max(0, entry.fromMs - place.endMs - slackMs);
  return { reply: { least, most: entry.toMs - place.beginMs + slackMs } };
}

const remove: Deed = (place, [, ...keys]) => {
  const there = [...new Set(keys)].filter((key) => place.look(key) !== undefined);
  return {
    reply: integer(there.length),
    apply: () => {
      for (const key of there) place.remove(key);
    },
  };
};

/** By name. */
export const stringDeeds: Readonly<Record<string, Deed>> = {
  SET: set,
  GET: read(() => {}),
  GETDEL: read((place, key) => place.remove(key)),
  GETEX: read((place, _key, entry, [option, ms]) => {
    if (option === 'PX') [entry.fromMs, entry.toMs] = lifeOf(place, Number(ms)) as [number, number];
    else if (option === 'PERSIST') entry.fromMs = entry.toMs = never;
  }),
  STRLEN: (place, [, key]) => {
    const entry = place.look(key!);
    return isOther(entry) ? wrongType : { reply: integer(textOf(entry)?.length ?? 0) };
  },
  GETRANGE: (place, [, key, from, to]) => {
    const entry = place.look(key!);
    return isOther(entry) ? wrongType : { reply: bulk(rangeOf(textOf(entry) ?? '', Number(from), Number(to))) };
  },
  APPEND: (place, [, key, more]) => {
    const entry = place.look(key!);
    if (isOther(entry)) return wrongType;
    const text = (textOf(entry) ?? '') + more!;
    return { reply: integer(text.length), apply: () => rewrite(place, key!, text) };
  },
  SETRANGE: (place, [, key, from, part]) => {
    const entry = place.look(key!);
    if (isOther(entry)) return wrongType;
    const at = Number(from);
    const before = textOf(entry) ?? '';
    // Nothing is put anywhere: not even a key.
    if (part === '') return { reply: integer(before.length) };
    const text = before.slice(0, at).padEnd(at, '\0') + part! + before.slice(at + part!.length);
    return { reply: integer(text.length), apply: () => rewrite(place, key!, text) };
  },
  INCR: (place, [, key]) => change(place, key!, 1),
  DECR: (place, [, key]) => change(place, key!, -1),
  INCRBY: (place, [, key, by]) => change(place, key!, Number(by)),
  MSET: (place, [, ...pairs]) => ({
    reply: ok,
    apply: () => {
      for (let at = 0; at < pairs.length; at += 2) place.put(pairs[at]!, { kind: 'string', text: pairs[at + 1]! });
    },
  }),
  MGET: (place, [, ...keys]) => ({ reply: list(keys.map((key) => textOf(place.look(key)))) }),
  DEL: remove,
  UNLINK: remove,
  EXISTS: (place, [, ...keys]) => ({ reply: integer(keys.filter((key) => place.look(key) !== undefined).length) }),
  TYPE: (place, [, key]) => {
    const kind = place.look(key!)?.value.kind ?? 'none';
    return { reply: `+${kind === 'sorted' ? 'zset' : kind}\r\n` };
  },
  PEXPIRE: expire,
  PERSIST: (place, [, key]) => {
    const entry = place.look(key!);
    if (entry === undefined || entry.toMs === never) return { reply: integer(0) };
    return {
      reply: integer(1),
      apply: () => {
        entry.fromMs = entry.toMs = never;
      },
    };
  },
  PTTL: (place, [, key]) => timeLeft(place, key!),
  RENAME: (place, [, from, to]) => {
    const entry = place.look(from!);
    if (entry === undefined) return noKey;
    return {
      reply: ok,
      apply: () => {
        place.remove(from!);
        place.put(to!, entry.value, entry.fromMs, entry.toMs);
      },
    };
  },
  COPY: (place, [, from, to, option]) => {
    if (from === to) return { reply: '-ERR source and destination objects are the same\r\n' };
    const entry = place.look(from!);
    if (entry === undefined || (option !== 'REPLACE' && place.look(to!) !== undefined)) return { reply: integer(0) };
    return {
      reply: integer(1),
      apply: () => place.put(to!, copyOfValue(entry.value), entry.fromMs, entry.toMs),
    };
  },
};
