// Random sequences of commands over a few keys, from a seed: all types mixed, so that wrong types, missing keys and odd arguments come up by themselves.

/** Numbers from a seed (xorshift, 32 bits). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  /** A number from 0 on, below one. */
  below(limit: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) % limit;
  }

  /** One of a list. */
  of<Item>(list: readonly Item[]): Item {
    return list[this.below(list.length)] as Item;
  }
}

/** Words of commands: `k` a key, `y` one of a sorted set whose scores are all 0, `m` a member or field, `v` a value, `i` an integer, `c` a small count, `f` a score, `q` a fraction that is exact in binary, `b` a bound, `t` one of bytes, `p` the place of a bit, `u` a type of bits; a word in
 * capitals stands for itself; `A|B` is one of them; `...` the words before it once more, or not. */
const SHAPES = shapesOf(`
SET k v|SET k i|SET k f|SET k v NX|SET k v XX GET|SET k v EXAT 9999999999|SET k v KEEPTTL|GET k|GETSET k v|GETDEL k|GETEX k PERSIST|SETNX k v
APPEND k v|STRLEN k|GETRANGE k i i|SETRANGE k c v|INCR k|DECR k|INCRBY k i|DECRBY k i|MSET k v k v|MSETNX k v k v|MGET k k k
DEL k|UNLINK k k|EXISTS k k|TYPE k|RENAME k k|RENAMENX k k|COPY k k|COPY k k REPLACE|COPY k k DB 1 REPLACE|MOVE k 1|SELECT 0|SELECT 1|TOUCH k k
EXPIREAT k 9999999999|EXPIREAT k 8888888888 GT|EXPIREAT k 7777777777 LT|EXPIREAT k 7777777777 NX|EXPIREAT k 6666666666 XX|EXPIREAT k 1|EXPIRETIME k|PERSIST k
SCAN 0 COUNT 1000|KEYS *|DBSIZE|SCAN 0 TYPE list COUNT 1000|SCAN 0 MATCH k[1-3] COUNT 1000|SWAPDB 0 1|FLUSHDB
HSET k m v|HSET k m v m v m v|HSET k m i|HMSET k m v|HGET k m|HMGET k m m|HDEL k m|HDEL k m m m|HGETALL k|HKEYS k|HVALS k|HLEN k|HEXISTS k m|HSETNX k m v
HINCRBY k m i|HINCRBYFLOAT k m q|HSTRLEN k m|HSCAN k 0 COUNT 1000|HRANDFIELD k 1000|HRANDFIELD k 1000 WITHVALUES|HRANDFIELD k 0|HSCAN k 0 MATCH m1* COUNT 1000
LPUSH k v v|RPUSH k v v v|LPUSHX k v|RPUSHX k v|LPOP k|RPOP k|LPOP k c|RPOP k i|LLEN k|LRANGE k i i|LINDEX k i|LSET k i v|LINSERT k BEFORE v v|LINSERT k AFTER v v
LREM k i v|LTRIM k i i|LPOS k v|LPOS k v RANK c|LPOS k v COUNT c|LPOS k v RANK c COUNT c MAXLEN c|LMOVE k k LEFT RIGHT|LMOVE k k RIGHT LEFT|LMOVE k k LEFT LEFT|RPOPLPUSH k k
SADD k m|SADD k m m m|SADD k i i|SREM k m m|SISMEMBER k m|SMISMEMBER k m m|SCARD k|SMEMBERS k|SRANDMEMBER k 1000|SPOP k 1000|SMOVE k k m
SINTER k k|SUNION k k|SDIFF k k|SINTER k k k|SDIFF k k k|SINTERSTORE k k k|SUNIONSTORE k k k|SDIFFSTORE k k k|SSCAN k 0 COUNT 1000|SINTERCARD 2 k k|SINTERCARD 2 k k LIMIT c
ZADD k f m|ZADD k f m f m f m|ZADD k NX f m|ZADD k XX CH f m|ZADD k GT CH f m|ZADD k LT f m|ZADD k INCR f m|ZADD k XX INCR f m|ZADD k GT INCR f m|ZADD k i m i m
ZREM k m m|ZSCORE k m|ZMSCORE k m m|ZINCRBY k f m|ZCARD k|ZRANK k m|ZREVRANK k m|ZRANGE k i i|ZRANGE k i i WITHSCORES|ZRANGE k i i REV WITHSCORES|ZREVRANGE k i i WITHSCORES
ZRANGE k b b BYSCORE|ZRANGE k b b BYSCORE LIMIT i i WITHSCORES|ZRANGE k b b BYSCORE REV|ZRANGEBYSCORE k b b WITHSCORES|ZREVRANGEBYSCORE k b b LIMIT c c|ZCOUNT k b b
ZPOPMIN k|ZPOPMAX k c|ZREMRANGEBYRANK k i i|ZREMRANGEBYSCORE k b b|ZSCAN k 0 COUNT 1000
ZUNION 2 k k|ZUNION 2 k k WITHSCORES|ZUNION 3 k k k WEIGHTS f f f WITHSCORES|ZUNION 2 k k AGGREGATE MAX WITHSCORES|ZINTER 2 k k WITHSCORES|ZINTER 2 k k WEIGHTS f f AGGREGATE MIN WITHSCORES
ZDIFF 2 k k WITHSCORES|ZDIFF 3 k k k|ZUNIONSTORE k 2 k k|ZUNION 6 k k k k k k WEIGHTS f f f f f f WITHSCORES|ZUNIONSTORE k 5 k k k k k AGGREGATE MIN|ZUNIONSTORE k 2 k k WEIGHTS f f AGGREGATE SUM|ZINTERSTORE k 2 k k AGGREGATE MAX|ZDIFFSTORE k 2 k k|ZINTERCARD 2 k k|ZINTERCARD 2 k k LIMIT c
ZUNION i k k|ZUNIONSTORE k i k k|ZINTERCARD i k k|ZUNION 2 k k AGGREGATE k|ZADD y 0 m|ZADD y 0 m 0 m 0 m|ZREM y m|ZLEXCOUNT y t t|ZRANGEBYLEX y t t|ZRANGEBYLEX y t t LIMIT i c|ZREVRANGEBYLEX y t t|ZREMRANGEBYLEX y t t|ZRANGE y t t BYLEX REV
ZRANGESTORE k k i i|ZRANGESTORE k k b b BYSCORE|ZRANGESTORE k k b b BYSCORE REV LIMIT i c|ZRANGESTORE k y t t BYLEX|ZRANGESTORE k k i i WITHSCORES|ZRANDMEMBER k 1000|ZRANDMEMBER k 1000 WITHSCORES|ZRANDMEMBER k 0
LMPOP 2 k k LEFT|LMPOP 2 k k RIGHT COUNT c|LMPOP i k LEFT|ZMPOP 2 k k MIN COUNT c|ZMPOP 1 k MAX|ZMPOP i k k MIN|SINTERCARD i k k
SETBIT k p 1|SETBIT k p 0|SETBIT k i i|GETBIT k p|GETBIT k i|BITCOUNT k|BITCOUNT k i i|BITCOUNT k i i BIT|BITCOUNT k i i BYTE|BITCOUNT k i|BITPOS k 1|BITPOS k 0|BITPOS k 0 i|BITPOS k 1 i i|BITPOS k 0 i i BIT|BITPOS k i i i k
BITOP AND k k k|BITOP OR k k k k|BITOP XOR k k k|BITOP NOT k k|BITOP NOT k k k|BITOP k k k|BITFIELD k|BITFIELD k BITFIELD k GET u p SET u p i|BITFIELD k SET u p i GET u p|BITFIELD k INCRBY u p i
BITFIELD k OVERFLOW SAT INCRBY u p i SET u #2 i|BITFIELD k OVERFLOW FAIL INCRBY u p i GET u p|BITFIELD k OVERFLOW x GET u p|BITFIELD_RO k GET u p|BITFIELD_RO k GET u p SET u p i|BITFIELD k SET u #1 i OVERFLOW FAIL SET u p i
MULTI|EXEC|EXEC|EXEC|DISCARD|WATCH k|UNWATCH|PING|ECHO v|HELLO 3|HELLO 2
`);

/** Those that wait for a key, and give up after 10 ms. */
const WAITING_SHAPES = shapesOf(`
BLPOP k k 0.01|BRPOP k k 0.01|BLMOVE k k LEFT RIGHT 0.01|BZPOPMIN k k 0.01|BZMPOP 0.01 2 k k MIN|BLMPOP 0.01 1 k LEFT|BLPOP k x|BLPOP k -1|BLMPOP nan 1 k LEFT|BZMPOP 0.01 i k MAX
`);

function shapesOf(text: string): string[][] {
  return text
    .trim()
    .split(/[\n|]/)
    .map((shape) => shape.split(' '));
}

const INTEGERS = [
  '0',
  '1',
  '2',
  '3',
  '-1',
  '-2',
  '-3',
  '5',
  '-7',
  '100',
  '-100',
  '9223372036854775807',
  '-9223372036854775808',
  'x',
  '1.5',
  '',
];
const SCORES = [
  '0',
  '1',
  '-1',
  '1.5',
  '2.25',
  '0.1',
  '0.3',
  '-0.7',
  '3.14159',
  '1e3',
  '1e-5',
  'inf',
  '-inf',
  '123456789.125',
  '1e20',
  'x',
  'nan',
  '',
];
const BOUNDS = ['-inf', '+inf', '0', '(0', '1', '(1', '1.5', '(2', '0.1', '-1', '100', '(x', '(inf'];

function word(chance: Chance, shape: string): string {
  switch (shape) {
    case 'k':
      return `k${chance.below(6)}`;
    case 'y':
      return `y${chance.below(2)}`;
    case 'm':
      return chance.below(40) === 0 ? '' : `m${chance.below(9)}`;
    case 'v':
      return chance.of(['a', 'b', 'c', 'm1', 'm2', '', '12', '\xff\r\nz', 'w'.repeat(chance.below(300))]);
    case 'i':
      return chance.of(INTEGERS);
    case 'c':
      return String(chance.below(5));
    case 'f':
      return chance.of(SCORES);
    case 'q':
      return chance.of(['0.5', '0.25', '-3', '1e3', 'inf', 'nan', 'x', '']);
    case 'p':
      return String(chance.below(chance.of([8, 70, 3000])));
    case 'u':
      return chance.of(['u1', 'u5', 'u8', 'u63', 'i1', 'i8', 'i16', 'i64', 'i33', 'u64', 'i65', 'x8', 'i0', 'u']);
    case 'b':
      return chance.of(BOUNDS);
    case 't':
      return chance.of(['-', '+', '[m1', '(m1', '[m3', '(m5', '[m8', '[', '(', 'm1', '']);
    default:
      return shape;
  }
}

/** The next command of a sequence: now and then with a word too few or too many. @param waits it may be one that waits for a key */
export function randomCommand(chance: Chance, waits = false): string[] {
  const words = chance
    .of(waits && chance.below(20) === 0 ? WAITING_SHAPES : SHAPES)
    .map((shape) => word(chance, shape));
  const odd = chance.below(60);
  // One that is taken by chance is another one in each server.
  const isByChance = /^(SPOP|[SZ]RANDMEMBER|HRANDFIELD)$/.test(words[0] as string);
  if (odd === 0 && !isByChance && words.length > 1) words.pop();
  if (odd === 1) words.push(word(chance, 'v'));
  return words;
}
