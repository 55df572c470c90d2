// Random commands of all kinds over one stream's keys, from a seed. Each key is mostly asked for what it is, and now and then for what it is not. Not here: what they do (model.ts).

import type { Chance } from '../../../test/core/kv-random.js';
import type { Command } from './model.js';

/**
 * Commands by the kind of their key. Words: `k` a key, `v` a value, `V` a long one, `i` a whole number, `n` a place, `c` a count from 1 on, `m` a member or field, `e` milliseconds to live,
 * `w` milliseconds of which some are long over; a word in capitals stands for itself.
 */
const shapes: Readonly<Record<string, readonly string[][]>> = Object.fromEntries(
  Object.entries({
    string: `SET k V|SET k V|SET k v PX e|SET k V PX e|SET k v NX PX e|SET k v XX GET|SET k i|SET k V KEEPTTL|GET k|GET k|GET k|GETDEL k|GETEX k PX e|GETEX k PERSIST
      APPEND k v|STRLEN k|GETRANGE k n n|SETRANGE k c v|INCR k|DECR k|INCRBY k i|MSET k v k V|MGET k k k|SET k i PX e`,
    hash: 'HSET k m v|HSET k m v m V m v|HSET k m i|HGET k m|HGET k m|HMGET k m m m|HDEL k m|HDEL k m m m|HLEN k|HEXISTS k m|HSTRLEN k m|HSETNX k m v|HINCRBY k m i',
    list: 'LPUSH k v|RPUSH k v v V|LPOP k|RPOP k|LPOP k c|RPOP k c|LLEN k|LRANGE k n n|LRANGE k 0 -1|LINDEX k n|LTRIM k n n|LSET k n v|RPUSH k v',
    set: 'SADD k m|SADD k m m m|SREM k m m|SISMEMBER k m|SMISMEMBER k m m|SCARD k',
    sorted:
      'ZADD k i m|ZADD k i m i m i m|ZINCRBY k i m|ZREM k m m|ZSCORE k m|ZCARD k|ZRANK k m|ZRANGE k n n|ZRANGE k 0 -1 WITHSCORES|ZCOUNT k i i|ZPOPMIN k',
    any: 'DEL k|DEL k k|UNLINK k k|DEL k|EXISTS k k|TYPE k|PEXPIRE k e|PEXPIRE k e|PEXPIRE k w|PEXPIRE k e NX|PEXPIRE k e XX|PERSIST k|PTTL k|PTTL k|RENAME k k|COPY k k|COPY k k REPLACE',
  }).map(([kind, text]) => [kind, text.split(/[\n|]/).map((shape) => shape.trim().split(' '))]),
);
const kinds = ['string', 'hash', 'list', 'set', 'sorted'] as const;

const letters = 'abcdefghijklmnopqrstuvwxyz'.repeat(100);

/** See the file's head. */
export class Commands {
  readonly #chance: Chance;
  readonly #prefix: string;
  readonly #keys: number;

  /** @param prefix of its keys, which no other stream has. @param keys how many there are */
  constructor(chance: Chance, prefix: string, keys: number) {
    this.#chance = chance;
    this.#prefix = prefix;
    this.#keys = keys;
  }

  /** A key; mostly one that holds what is asked for. */
  #key(kind: string): string {
    const chance = this.#chance;
    const place = kinds.indexOf(kind as (typeof kinds)[number]);
    const index = chance.below(this.#keys);
    const isOdd = place < 0 || chance.below(30) === 0;
    return `${this.#prefix}${isOdd ? index : index - (index % kinds.length) + place}`;
  }

  #value(most: number): string {
    const length = this.#chance.below(most);
    const from = this.#chance.below(26);
    return letters.slice(from, from + length);
  }

  #word(shape: string, kind: string): string {
    const chance = this.#chance;
    switch (shape) {
      case 'k':
        return this.#key(kind);
      case 'v':
        return this.#value(40);
      case 'V':
        return this.#value(chance.below(20) === 0 ? 2000 : 400);
      case 'i':
        return `${chance.below(201) - 100}`;
      case 'n':
        return `${chance.below(20) - 8}`;
      case 'c':
        return `${1 + chance.below(4)}`;
      case 'm':
        return `m${chance.below(30)}`;
      case 'e':
        return `${1 + chance.below(chance.below(4) === 0 ? 60 : 1500)}`;
      case 'w':
        return `${chance.below(50) - 25}`;
      default:
        return shape;
    }
  }

  /** The next one. */
  next(): Command {
    const kind = this.#chance.below(6) === 0 ? 'any' : this.#chance.of(kinds);
    const shape = this.#chance.of(shapes[kind]!);
    const keys: string[] = [];
    const words = shape.map((part) => {
      const word = this.#word(part, kind);
      if (part === 'k') keys.push(word);
      return word;
    });
    return { words, keys };
  }
}
