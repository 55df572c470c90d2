import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { PlayLines } from './play-lines.js';

/** A stream whose reader takes nothing before it is told to. */
class Held extends Writable {
  text = '';
  #isRead = false;
  #go: () => void = () => {};

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    if (this.#isRead) done();
    else this.#go = done;
  }

  async read(): Promise<string[]> {
    this.#isRead = true;
    const drained = once(this, 'drain');
    this.#go();
    await drained;
    return this.text.trim().split('\n');
  }
}

for (const isJson of [true, false]) {
  test(`a reader that stops: bounded lines wait, the last arrives, what was left out is said (JSON: ${isJson})`, async () => {
    const stream = new Held();
    const lines = new PlayLines(stream, isJson);
    const event = `"${'x'.repeat(997)}"`;
    const bytes = 1000;
    for (let count = 0; count < 5000; count++) lines.write(event);
    const waiting = stream.writableLength;
    assert.ok(waiting > 1024 * 1024 && waiting <= 1024 * 1024 + bytes, `${waiting} bytes wait`);
    lines.writeLast('"report"');
    const found = await stream.read();
    const leftOut = 5000 - waiting / bytes;
    assert.equal(found.filter((line) => line === event).length, waiting / bytes);
    assert.equal(found.at(-1), '"report"');
    if (isJson) assert.deepEqual(JSON.parse(found.at(-2)!), { event: 'missed', events: leftOut });
    else assert.equal(found.at(-2), `${leftOut} lines left out: nobody read them`);
    stream.text = '';
    lines.write('again');
    assert.equal(stream.text, 'again\n', 'said once');
  });
}
