// What is said of front ends, one after another: one that comes again and again, gets nowhere, and each time in the same way (QEMU with `reconnect=1`
// whose memory is refused, each second), is said once, then counted; what is new of it is said. Not here: what is said, how much in all (limited-say.ts).

/** Sentences about a front end that are compared; one of which more is said is never a repetition. */
const mostCompared = 16;

/** See the file's head. */
export class RepeatedSay {
  readonly #say: (sentence: string) => void;
  /** What was said of the last front end, if it got nowhere, without what differs each time. */
  #before: readonly string[] = [];
  #now: string[] = [];
  /** What was not said of this one, since it was said of the last. */
  #held: string[] = [];
  #isSame = false;
  #repeats = 0;

  constructor(say: (sentence: string) => void) {
    this.#say = say;
  }

  /** A front end came, of which everything until {@link ended} is said. @param meaning the sentence without what differs each time */
  came(sentence: string, meaning: string): void {
    this.#isSame = this.#before.length > 0;
    this.#now = [];
    this.say(sentence, meaning);
  }

  /** Says something of it. */
  say(sentence: string, meaning: string = sentence): void {
    const place = this.#now.length;
    if (place <= mostCompared) this.#now.push(meaning);
    if (this.#isSame && this.#before[place] === meaning) {
      this.#held.push(sentence);
      return;
    }
    this.#tell();
    this.#say(sentence);
  }

  /** It has gone. @param isInVain it got nowhere */
  ended(sentence: string, isInVain: boolean): void {
    this.say(sentence);
    if (this.#isSame && isInVain) {
      this.#held = [];
      this.#repeats++;
      return;
    }
    this.#tell();
    this.#before = isInVain && this.#now.length <= mostCompared ? this.#now : [];
  }

  /** Says what was counted, and what was held back. */
  #tell(): void {
    this.#isSame = false;
    this.finish();
    for (const sentence of this.#held.splice(0)) this.#say(sentence);
  }

  /** Says how often there was nothing new, if so. */
  finish(): void {
    if (this.#repeats > 0) this.#say(`it came ${this.#repeats} more times, and each time it was the same`);
    this.#repeats = 0;
  }
}
