// QemuMonitor: what a test asks of QEMU itself (QMP, over a Unix socket), one question after the other. Not here: what is asked (machine.ts).

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** How often, and how many times, something is looked at until it is so: a minute, where nobody sleeps. */
const lookMs = 100;
const mostLooks = 600;

type Answer = Readonly<Record<string, unknown>>;

/** See the file's head. */
export class QemuMonitor {
  readonly #socket: Socket;
  #received = '';
  #answered: (line: Answer) => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      const lines = `${this.#received}${chunk}`.split('\n');
      this.#received = lines.pop()!;
      for (const line of lines.map((text) => JSON.parse(text) as Answer))
        if ('return' in line || 'error' in line) this.#answered(line);
    });
    // QEMU may end first.
    socket.on('error', () => {});
  }

  /** Connects as soon as QEMU listens. */
  static async connect(path: string): Promise<QemuMonitor> {
    for (let looks = 0; ; looks++) {
      const socket = connect(path);
      try {
        await once(socket, 'connect');
        const monitor = new QemuMonitor(socket);
        await monitor.ask('qmp_capabilities');
        return monitor;
      } catch (error) {
        if (looks === mostLooks) throw error;
        await sleep(lookMs);
      }
    }
  }

  /** Asks. @returns what QEMU returns @throws Error with what it says */
  async ask(execute: string, args: Answer = {}): Promise<Answer> {
    const answer = new Promise<Answer>((resolve) => {
      this.#answered = resolve;
    });
    this.#socket.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    const line = await answer;
    if ('error' in line) throw new Error(`QEMU, asked to ${execute}: ${JSON.stringify(line['error'])}`);
    return line['return'] as Answer;
  }

  /** Asks until the answer is right. @throws Error when it never is, and what `isRight` throws */
  async until(execute: string, isRight: (answer: Answer) => boolean): Promise<void> {
    for (let looks = 0; !isRight(await this.ask(execute)); looks++) {
      if (looks === mostLooks) throw new Error(`QEMU's ${execute} is not as it should be`);
      await sleep(lookMs);
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}
