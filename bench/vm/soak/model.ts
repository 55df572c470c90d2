// A model of the store in this process, by which every reply of a store is judged: what keys hold, when they expire as far as that can be known from outside, and which commands
// may be refused for want of memory. Where a key may have gone or not, both are kept in mind until a reply tells. Not here: what each command does (strings.ts, collections.ts), which commands are asked (commands.ts).

/** What a key holds. */
export type Value =
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'hash'; readonly fields: Map<string, string> }
  | { readonly kind: 'list'; readonly items: string[] }
  | { readonly kind: 'set'; readonly members: Set<string> }
  | { readonly kind: 'sorted'; readonly scores: Map<string, number> };

/** A key: its value, and when it expires: not before `fromMs`, and by `toMs`, of this process's clock. */
export interface Entry {
  value: Value;
  fromMs: number;
  toMs: number;
}

/** A request: its words, and which of them are keys. */
export interface Command {
  readonly words: readonly string[];
  readonly keys: readonly string[];
}

/** What a command would do: its reply as it stands on the wire, or a whole number within bounds; and the change. */
export interface Outcome {
  readonly reply: string | { readonly least: number; readonly most: number };
  readonly apply?: () => void;
}

/** What a command is run with. */
export interface Place {
  /** What a key of the command holds; undefined: it is not there. */
  look(key: string): Entry | undefined;
  put(key: string, value: Value, fromMs?: number, toMs?: number): void;
  remove(key: string): void;
  /** When all commands of this batch were run: from here on, and until then. */
  readonly beginMs: number;
  readonly endMs: number;
}

/** What a command does. */
export type Deed = (place: Place, words: readonly string[]) => Outcome;

export const never = Number.POSITIVE_INFINITY;
/** By how much two clocks, and the milliseconds that a store counts in, may differ. */
export const slackMs = 6;

export const bulk = (text: string | undefined): string =>
  text === undefined ? '$-1\r\n' : `$${text.length}\r\n${text}\r\n`;
export const integer = (value: number): string => `:${value}\r\n`;
export const list = (items: readonly (string | undefined)[]): string =>
  `*${items.length}\r\n${items.map(bulk).join('')}`;
export const ok = '+OK\r\n';
export const wrongType: Outcome = {
  reply: '-WRONGTYPE Operation against a key holding the wrong kind of value\r\n',
};
const outOfMemory = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";

/** Commands that need no memory, and are never refused for want of it. */
const frugal = new Set(
  `GET STRLEN GETRANGE GETDEL GETEX MGET DEL UNLINK EXISTS TYPE PEXPIRE PERSIST PTTL RENAME HGET HMGET HDEL HLEN HEXISTS HSTRLEN
  LPOP RPOP LLEN LRANGE LINDEX LTRIM SREM SISMEMBER SMISMEMBER SCARD ZREM ZSCORE ZCARD ZRANK ZRANGE ZCOUNT ZPOPMIN ECHO PING`.split(
    /\s+/,
  ),
);

/** What was seen that is no mistake. */
export interface Seen {
  requests: number;
  /** Writes that were refused for want of memory. */
  refused: number;
  /** Keys that were gone, by their time. */
  expired: number;
  /** Keys that made room for others, as far as they were missed. */
  evicted: number;
}

/** A reply that is not what it must be. */
export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
}

/** What a key may hold: in all but rare moments one thing. */
type Worlds = readonly (Entry | undefined)[];
const absent: Worlds = [undefined];
/** Ways in which the keys of a command may be there or not, at most. */
const mostWays = 4096;

/** See the file's head. */
export class KvModel implements Place {
  readonly seen: Seen = { requests: 0, refused: 0, expired: 0, evicted: 0 };
  beginMs = 0;
  endMs = 0;
  /** Keys of which it is not clear what they hold: whoever reads them wholly makes it clear. */
  readonly unclear = new Set<string>();
  readonly #worlds = new Map<string, Worlds>();
  readonly #deeds: Readonly<Record<string, Deed>>;
  readonly #evicts: boolean;
  /** The keys of the command that is judged, in one of the worlds. */
  #view = new Map<string, Entry | undefined>();

  /** @param evicts any key may go, to make room */
  constructor(deeds: Readonly<Record<string, Deed>>, evicts: boolean) {
    this.#deeds = deeds;
    this.#evicts = evicts;
  }

  /** Keys that are there, or may be. */
  get keys(): IterableIterator<string> {
    return this.#worlds.keys();
  }

  /** What a key is; undefined: that is not clear. */
  kindOf(key: string): Value['kind'] | undefined {
    const kinds = new Set(this.#worlds.get(key)?.flatMap((entry) => entry?.value.kind ?? []));
    return kinds.size === 1 ? [...kinds][0] : undefined;
  }

  look(key: string): Entry | undefined {
    return this.#view.get(key);
  }

  put(key: string, value: Value, fromMs = never, toMs = never): void {
    this.#view.set(key, { value, fromMs, toMs });
  }

  remove(key: string): void {
    this.#view.set(key, undefined);
  }

  /** What a key may hold now that time has passed, and others needed room. */
  #now(key: string): Worlds {
    const worlds = this.#worlds.get(key) ?? absent;
    if (worlds.length === 1 && worlds[0] === undefined) return worlds;
    let mayBeGone = false;
    const there = worlds.filter((entry) => {
      const isOver = entry === undefined || this.beginMs - slackMs > entry.toMs;
      mayBeGone ||= isOver || this.#evicts || this.endMs + slackMs >= entry.fromMs;
      return !isOver;
    });
    return there.length === worlds.length && !mayBeGone ? worlds : mayBeGone ? [...there, undefined] : there;
  }

  /** Holds one reply against what it may be. @returns where the next one begins. @throws WrongAnswer */
  judge(command: Command, replies: string, at: number): number {
    this.seen.requests++;
    const keys = [...new Set(command.keys)];
    const now = keys.map((key) => this.#now(key));
    const ways = now.reduce((product, worlds) => product * worlds.length, 1);
    if (ways > mostWays) throw new Error(`it is not clear at all what ${keys.join(', ')} hold`);
    const fitting: Worlds[] = [];
    let wanted: Outcome | undefined;
    let end = -1;
    for (let way = 0; way < ways; way++) {
      const worlds = worldsOf(now, way);
      const outcome = this.#try(command, keys, worlds);
      const ends = ending(outcome, replies, at);
      wanted ??= outcome;
      if (ends < 0) continue;
      end = ends;
      fitting.push(worlds);
    }
    if (end >= 0) {
      this.#settle(command, keys, fitting);
      return end;
    }
    if (replies.startsWith(outOfMemory, at) && !frugal.has(command.words[0]!)) {
      this.seen.refused++;
      return at + outOfMemory.length;
    }
    const given = JSON.stringify(replies.slice(at, at + 200));
    const asked = command.words.join(' ').slice(0, 300);
    throw new WrongAnswer(`${asked}: ${given} in place of ${JSON.stringify(wanted?.reply)}`);
  }

  #try({ words }: Command, keys: readonly string[], worlds: Worlds): Outcome {
    this.#view.clear();
    for (const [index, key] of keys.entries()) this.#view.set(key, worlds[index]);
    return this.#deeds[words[0]!]!(this, words);
  }

  /** What keys hold after a command whose reply fits in these worlds. */
  #settle(command: Command, keys: readonly string[], fitting: readonly Worlds[]): void {
    const after = keys.map((): (Entry | undefined)[] => []);
    for (const worlds of fitting) {
      // Several worlds go on, each with values of its own.
      const own = fitting.length === 1 ? worlds : worlds.map((entry) => entry && copyOf(entry));
      this.#try(command, keys, own).apply?.();
      for (const [index, key] of keys.entries()) {
        const entry = this.#view.get(key);
        if (!after[index]!.some((each) => isSame(each, entry))) after[index]!.push(entry);
      }
    }
    for (const [index, key] of keys.entries()) {
      this.#count(key, fitting, index);
      const worlds = after[index]!;
      if (worlds.length > 2) this.unclear.add(key);
      if (worlds.every((entry) => entry === undefined)) this.#worlds.delete(key);
      else this.#worlds.set(key, worlds);
    }
  }

  /** Counts a key that was there in every world, and is in none. */
  #count(key: string, fitting: readonly Worlds[], index: number): void {
    const before = this.#worlds.get(key);
    if (before === undefined || before.includes(undefined)) return;
    if (fitting.some((worlds) => worlds[index] !== undefined)) return;
    const isByTime = before.some((entry) => this.endMs + slackMs >= entry!.fromMs);
    if (isByTime) this.seen.expired++;
    else this.seen.evicted++;
  }
}

/** One of the ways in which keys may be. */
function worldsOf(now: readonly Worlds[], way: number): Worlds {
  let rest = way;
  return now.map((worlds) => {
    const entry = worlds[rest % worlds.length];
    rest = Math.floor(rest / worlds.length);
    return entry;
  });
}

function copyOf({ value, fromMs, toMs }: Entry): Entry {
  return { value: copyOfValue(value), fromMs, toMs };
}

/** A value of its own. */
export function copyOfValue(value: Value): Value {
  if (value.kind === 'hash') return { kind: 'hash', fields: new Map(value.fields) };
  if (value.kind === 'list') return { kind: 'list', items: [...value.items] };
  if (value.kind === 'set') return { kind: 'set', members: new Set(value.members) };
  if (value.kind === 'sorted') return { kind: 'sorted', scores: new Map(value.scores) };
  return value;
}

/** Whether two worlds are one. */
function isSame(one: Entry | undefined, other: Entry | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  if (one.fromMs !== other.fromMs || one.toMs !== other.toMs) return false;
  const [first, second] = [one.value, other.value];
  if (first.kind === 'string') return second.kind === 'string' && first.text === second.text;
  if (first.kind === 'list') return second.kind === 'list' && first.items.join('\n') === second.items.join('\n');
  if (first.kind === 'set')
    return (
      second.kind === 'set' && first.members.size === second.members.size && isWithin(first.members, second.members)
    );
  if (first.kind === 'hash') return second.kind === 'hash' && isEqual(first.fields, second.fields);
  return second.kind === 'sorted' && isEqual(first.scores, second.scores);
}

const isWithin = (some: ReadonlySet<string>, all: ReadonlySet<string>): boolean =>
  [...some].every((each) => all.has(each));
const isEqual = <Item>(one: ReadonlyMap<string, Item>, other: ReadonlyMap<string, Item>): boolean =>
  one.size === other.size && [...one].every(([name, item]) => other.get(name) === item);

/** Where a reply ends that is as it must be; -1: it is not. */
function ending({ reply }: Outcome, replies: string, at: number): number {
  if (typeof reply === 'string') return replies.startsWith(reply, at) ? at + reply.length : -1;
  const end = replies.indexOf('\r\n', at);
  const value = Number(replies.slice(at + 1, end));
  return replies[at] === ':' && value >= reply.least && value <= reply.most ? end + 2 : -1;
}
