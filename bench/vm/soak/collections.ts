// What commands of hashes, lists, sets and sorted sets do in the model (model.ts). Not here: strings and keys.

import { bulk, type Deed, integer, list, type Outcome, ok, type Place, type Value, wrongType } from './model.js';

type Kind = Exclude<Value['kind'], 'string'>;
type Of<K extends Kind> = Extract<Value, { kind: K }>;

const made: { readonly [K in Kind]: () => Of<K> } = {
  hash: () => ({ kind: 'hash', fields: new Map() }),
  list: () => ({ kind: 'list', items: [] }),
  set: () => ({ kind: 'set', members: new Set() }),
  sorted: () => ({ kind: 'sorted', scores: new Map() }),
};

function sizeOf(value: Value): number {
  if (value.kind === 'hash') return value.fields.size;
  if (value.kind === 'list') return value.items.length;
  if (value.kind === 'set') return value.members.size;
  return value.kind === 'sorted' ? value.scores.size : 1;
}

/** A command of one kind: `deed` has the value as it is, an empty one where there is none; what it changes is the key's afterwards. */
function of<K extends Kind>(
  kind: K,
  deed: (value: Of<K>, words: readonly string[], isThere: boolean) => Outcome,
): Deed {
  return (place: Place, [, key, ...words]) => {
    const entry = place.look(key!);
    if (entry !== undefined && entry.value.kind !== kind) return wrongType;
    const value = (entry?.value ?? made[kind]()) as Of<K>;
    const { reply, apply } = deed(value, words, entry !== undefined);
    if (apply === undefined) return { reply };
    return {
      reply,
      apply: () => {
        apply();
        // One that is empty is not there.
        if (sizeOf(value) === 0) place.remove(key!);
        else if (entry === undefined) place.put(key!, value);
      },
    };
  };
}

const inOrder = (scores: ReadonlyMap<string, number>): [string, number][] =>
  [...scores].sort(([one, first], [other, second]) => first - second || (one < other ? -1 : 1));

function slice<Item>(items: readonly Item[], from: number, to: number): Item[] {
  const first = from < 0 ? Math.max(0, items.length + from) : from;
  const last = to < 0 ? items.length + to : to;
  return first > last ? [] : items.slice(first, last + 1);
}

const push = (isLeft: boolean): Deed =>
  of('list', ({ items }, words) => ({
    reply: integer(items.length + words.length),
    apply: () => {
      if (isLeft) for (const word of words) items.unshift(word);
      else items.push(...words);
    },
  }));

const pop = (isLeft: boolean): Deed =>
  of('list', ({ items }, [count], isThere) => {
    if (count === undefined) {
      return {
        reply: bulk(isLeft ? items[0] : items.at(-1)),
        apply: () => void (isLeft ? items.shift() : items.pop()),
      };
    }
    if (!isThere) return { reply: '*-1\r\n' };
    const most = Math.min(Number(count), items.length);
    const taken = isLeft ? items.slice(0, most) : items.slice(items.length - most).reverse();
    return { reply: list(taken), apply: () => void items.splice(isLeft ? 0 : items.length - most, most) };
  });

const hashDeeds: Readonly<Record<string, Deed>> = {
  HSET: of('hash', ({ fields }, words) => {
    const names = words.filter((_, index) => index % 2 === 0);
    return {
      reply: integer(new Set(names.filter((name) => !fields.has(name))).size),
      apply: () => {
        for (let at = 0; at < words.length; at += 2) fields.set(words[at]!, words[at + 1]!);
      },
    };
  }),
  HGET: of('hash', ({ fields }, [name]) => ({ reply: bulk(fields.get(name!)) })),
  HMGET: of('hash', ({ fields }, names) => ({ reply: list(names.map((name) => fields.get(name))) })),
  HDEL: of('hash', ({ fields }, names) => {
    const there = [...new Set(names)].filter((name) => fields.has(name));
    return {
      reply: integer(there.length),
      apply: () => {
        for (const name of there) fields.delete(name);
      },
    };
  }),
  HLEN: of('hash', ({ fields }) => ({ reply: integer(fields.size) })),
  HEXISTS: of('hash', ({ fields }, [name]) => ({ reply: integer(fields.has(name!) ? 1 : 0) })),
  HSTRLEN: of('hash', ({ fields }, [name]) => ({ reply: integer(fields.get(name!)?.length ?? 0) })),
  HSETNX: of('hash', ({ fields }, [name, text]) =>
    fields.has(name!) ? { reply: integer(0) } : { reply: integer(1), apply: () => void fields.set(name!, text!) },
  ),
  HINCRBY: of('hash', ({ fields }, [name, by]) => {
    const text = fields.get(name!) ?? '0';
    if (!/^(?:0|-?[1-9]\d{0,14})$/.test(text)) return { reply: '-ERR hash value is not an integer\r\n' };
    const value = Number(text) + Number(by);
    return { reply: integer(value), apply: () => void fields.set(name!, `${value}`) };
  }),
};

const listDeeds: Readonly<Record<string, Deed>> = {
  LPUSH: push(true),
  RPUSH: push(false),
  LPOP: pop(true),
  RPOP: pop(false),
  LLEN: of('list', ({ items }) => ({ reply: integer(items.length) })),
  LRANGE: of('list', ({ items }, [from, to]) => ({ reply: list(slice(items, Number(from), Number(to))) })),
  LINDEX: of('list', ({ items }, [at]) => ({ reply: bulk(items.at(Number(at))) })),
  LTRIM: of('list', ({ items }, [from, to]) => ({
    reply: ok,
    apply: () => void items.splice(0, items.length, ...slice(items, Number(from), Number(to))),
  })),
  LSET: of('list', ({ items }, [at, text], isThere) => {
    if (!isThere) return { reply: '-ERR no such key\r\n' };
    const index = Number(at) < 0 ? items.length + Number(at) : Number(at);
    if (index < 0 || index >= items.length) return { reply: '-ERR index out of range\r\n' };
    return {
      reply: ok,
      apply: () => {
        items[index] = text!;
      },
    };
  }),
};

const setDeeds: Readonly<Record<string, Deed>> = {
  SADD: of('set', ({ members }, words) => ({
    reply: integer(new Set(words.filter((word) => !members.has(word))).size),
    apply: () => {
      for (const word of words) members.add(word);
    },
  })),
  SREM: of('set', ({ members }, words) => ({
    reply: integer(new Set(words.filter((word) => members.has(word))).size),
    apply: () => {
      for (const word of words) members.delete(word);
    },
  })),
  SISMEMBER: of('set', ({ members }, [word]) => ({ reply: integer(members.has(word!) ? 1 : 0) })),
  SMISMEMBER: of('set', ({ members }, words) => ({
    reply: `*${words.length}\r\n${words.map((word) => integer(members.has(word) ? 1 : 0)).join('')}`,
  })),
  SCARD: of('set', ({ members }) => ({ reply: integer(members.size) })),
};

const sortedDeeds: Readonly<Record<string, Deed>> = {
  ZADD: of('sorted', ({ scores }, words) => {
    const names = words.filter((_, index) => index % 2 === 1);
    return {
      reply: integer(new Set(names.filter((name) => !scores.has(name))).size),
      apply: () => {
        for (let at = 0; at < words.length; at += 2) scores.set(words[at + 1]!, Number(words[at]));
      },
    };
  }),
  ZINCRBY: of('sorted', ({ scores }, [by, name]) => {
    const score = (scores.get(name!) ?? 0) + Number(by);
    return { reply: bulk(`${score}`), apply: () => void scores.set(name!, score) };
  }),
  ZREM: of('sorted', ({ scores }, names) => ({
    reply: integer(new Set(names.filter((name) => scores.has(name))).size),
    apply: () => {
      for (const name of names) scores.delete(name);
    },
  })),
  ZSCORE: of('sorted', ({ scores }, [name]) => ({ reply: bulk(scores.get(name!)?.toString()) })),
  ZCARD: of('sorted', ({ scores }) => ({ reply: integer(scores.size) })),
  ZRANK: of('sorted', ({ scores }, [name]) => {
    const rank = inOrder(scores).findIndex(([each]) => each === name);
    return { reply: rank < 0 ? bulk(undefined) : integer(rank) };
  }),
  ZRANGE: of('sorted', ({ scores }, [from, to, withScores]) => {
    const found = slice(inOrder(scores), Number(from), Number(to));
    return {
      reply: list(found.flatMap(([name, score]) => (withScores === undefined ? [name] : [name, `${score}`]))),
    };
  }),
  ZCOUNT: of('sorted', ({ scores }, [least, most]) => ({
    reply: integer([...scores.values()].filter((score) => score >= Number(least) && score <= Number(most)).length),
  })),
  ZPOPMIN: of('sorted', ({ scores }) => {
    const first = inOrder(scores)[0];
    if (first === undefined) return { reply: '*0\r\n' };
    return { reply: list([first[0], `${first[1]}`]), apply: () => void scores.delete(first[0]) };
  }),
};

/** By name. */
export const collectionDeeds: Readonly<Record<string, Deed>> = {
  ...hashDeeds,
  ...listDeeds,
  ...setDeeds,
  ...sortedDeeds,
};
