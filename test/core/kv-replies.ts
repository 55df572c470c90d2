// Replies taken apart, so that two servers can be compared where they may differ: the order of what is unordered, the digits of a fraction.

/** What a reply says. Texts keep what kind they are in front: `+OK`, `$value`. */
export type Reply = string | readonly Reply[];

const TEXTS = '+-:_,#(';
const GROUPS = '*%~>';

/** Takes the replies in some bytes apart; what is not complete is an error. */
export function readReplies(bytes: Buffer): Reply[] {
  let at = 0;
  function line(): string {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) throw new Error(`a reply is cut: ${JSON.stringify(bytes.toString('latin1', at))}`);
    const text = bytes.toString('latin1', at, end);
    at = end + 2;
    return text;
  }
  function one(): Reply {
    const head = line();
    const kind = head.charAt(0);
    if (TEXTS.includes(kind)) return head;
    const count = Number(head.slice(1));
    if (count === -1) return head;
    if (kind === '$') {
      const text = bytes.toString('latin1', at, at + count);
      at += count;
      if (line() !== '' || text.length !== count) throw new Error('a text is cut');
      return `$${text}`;
    }
    if (!GROUPS.includes(kind)) throw new Error(`no reply begins so: ${JSON.stringify(head)}`);
    return Array.from({ length: kind === '%' ? count * 2 : count }, one);
  }
  const replies: Reply[] = [];
  while (at < bytes.length) replies.push(one());
  return replies;
}

const UNORDERED = new Set(['smembers', 'sinter', 'sunion', 'sdiff', 'keys', 'hkeys', 'hvals', 'srandmember', 'spop']);
const UNORDERED_PAIRS = new Set(['hgetall', 'hrandfield']);
const SCANS = new Set(['sscan', 'hscan', 'zscan', 'scan']);

function pairs(all: readonly Reply[]): Reply[] {
  const both: string[] = [];
  for (let index = 0; index < all.length; index += 2)
    both.push(JSON.stringify([all[index], number(all[index + 1] ?? '')]));
  return both.sort();
}

/** The number that a text of digits with a fraction or exponent is, in one spelling. */
function number(reply: Reply): Reply {
  if (typeof reply !== 'string') return reply.map(number);
  const text = reply.replace(/^[$,]/, '');
  return /^-?\d+(\.\d+)?(e[-+]?\d+)?$/.test(text) ? `$${Number(text)}` : reply;
}

/** A reply in the form in which it is compared. @param name the command's, in lower case */
function comparable(name: string, words: readonly string[], reply: Reply): string {
  let form = reply;
  // What an error repeats of the command is cut at a length of our own.
  if (typeof form === 'string' && form.startsWith('-')) return form.slice(0, 100);
  if (typeof form !== 'string') {
    if (SCANS.has(name) && typeof form[1] === 'object') {
      form = [form[0] as Reply, name === 'sscan' || name === 'scan' ? form[1].map(String).sort() : pairs(form[1])];
    } else if (UNORDERED_PAIRS.has(name)) {
      const isPaired = name === 'hgetall' || words.length === 4;
      form = isPaired && !Array.isArray(form[0]) ? pairs(form) : form.map((part) => JSON.stringify(part)).sort();
    } else if (name === 'hello') form = form.filter((_, index) => form[index - 1] !== '$id');
    else if (UNORDERED.has(name)) form = form.map(String).sort();
  }
  return JSON.stringify(/^b?z/.test(name) || name === 'hincrbyfloat' || name === 'incrbyfloat' ? number(form) : form);
}

/** Brings replies into that form, command by command; those to EXEC by the commands that were queued. */
export class Comparison {
  #queued: string[][] = [];

  /** The forms of two replies to a command. */
  forms(words: string[], one: Reply, other: Reply): [string, string] {
    const name = (words[0] as string).toLowerCase();
    const queued = this.#queued;
    if (one === '+QUEUED') queued.push(words);
    else if (name === 'exec' || name === 'discard') this.#queued = [];
    const form = (reply: Reply): string => {
      if (name !== 'exec' || typeof reply === 'string') return comparable(name, words, reply);
      return reply
        .map((part, index) => comparable((queued[index]?.[0] ?? '').toLowerCase(), queued[index] ?? [], part))
        .join(' ');
    };
    return [form(one), form(other)];
  }
}
