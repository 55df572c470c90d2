// ListedPairs: pairs of send(2) and sendfile(2) by one crossing into C (kernel/call-list.ts). What JavaScript touches between two calls is gone
// from the processor's caches after each, and from its translations of addresses where entering the kernel changes page tables: so it runs for
// many answers in a row, and so do the calls. Not here: processors without lists of calls, where there are no pairs.

import { argumentWord, CallList, callWords, linkWord, resultWord } from '../kernel/call-list.js';
import { MSG } from '../kernel/constants.js';
import { sys } from '../kernel/numbers.js';
import { setWord64 } from '../kernel/words.js';
import type { PairedSends } from './paired-sends.js';

/** As many as reads are made together (epoll/socket-batch.ts): the first answer of a turn waits for no more of them. */
const mostPairs = 32;

const pairWords = 2 * callWords;
/** Words of the send. */
const fdWord = argumentWord(0);
const addressWord = argumentWord(1);
const bytesWord = argumentWord(2);
const flagsWord = argumentWord(3);
/** Words of the sendfile, and the one where its offset is: it has four arguments, and the kernel writes back how far it came. */
const toWord = callWords + argumentWord(0);
const fromWord = callWords + argumentWord(1);
const placeWord = callWords + argumentWord(2);
const lengthWord = callWords + argumentWord(3);
const offsetWord = callWords + argumentWord(4);

/** See the file's head. */
export class ListedPairs implements PairedSends {
  readonly most: number = mostPairs;
  readonly #list: CallList;

  private constructor(list: CallList) {
    this.#list = list;
    const { words, address } = list;
    for (let at = 0; at < words.length; at += pairWords) {
      words[at] = sys.sendto;
      words[at + linkWord] = 1;
      words[at + flagsWord] = MSG.MORE | MSG.NOSIGNAL | MSG.DONTWAIT;
      words[at + callWords] = sys.sendfile;
      const place = address + (at + offsetWord) * 4;
      setWord64(words, at + placeWord, place);
    }
  }

  /** Undefined where there are no lists of calls. */
  static open(): ListedPairs | undefined {
    const list = CallList.open(mostPairs * 2);
    return list === undefined ? undefined : new ListedPairs(list);
  }

  set(pair: number, fd: number, address: number, bytes: number, file: number, offset: number, length: number): void {
    const { words } = this.#list;
    const at = pair * pairWords;
    words[at + fdWord] = words[at + toWord] = fd;
    setWord64(words, at + addressWord, address);
    words[at + bytesWord] = bytes;
    words[at + fromWord] = file;
    words[at + lengthWord] = length;
    setWord64(words, at + offsetWord, offset);
  }

  drop(pair: number): void {
    this.#list.words[pair * pairWords + fdWord] = -1;
  }

  run(count: number): void {
    this.#list.run(count * 2);
  }

  taken(pair: number): number {
    const { words } = this.#list;
    const at = pair * pairWords;
    const head = words[at + resultWord]!;
    if (head < words[at + bytesWord]!) return head;
    return head + Math.max(0, words[at + callWords + resultWord]!);
  }

  /** Gives its memory back. */
  close(): void {
    this.#list.close();
  }
}
