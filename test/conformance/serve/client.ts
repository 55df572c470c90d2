// A raw HTTP/1.1 client over node:net: it sends exactly the bytes it is given and reads responses by their framing, so
// that a byte too many or too few is seen. For tests only; it corrects nothing and retries nothing.

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';

/** Where a server listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** One response as it came. Names of fields are in lower case; a field that came twice is joined by ` | `. */
export interface Response {
  readonly status: number;
  readonly statusLine: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly head: string;
  readonly body: Buffer;
  /** The body in ISO 8859-1. */
  readonly text: string;
}

/** What does not come for so long does not come: a busy machine takes seconds for a moment's work. */
const patienceMs = 20_000;

/** How a response is read. */
export interface ReadOptions {
  /** The answer to a HEAD: no body follows. */
  readonly head?: boolean;
  readonly timeoutMs?: number;
}

/** A connection that counts every byte. */
export class RawClient {
  readonly socket: Socket;
  /** Received and not yet read. */
  #chunks: Buffer[] = [];
  #length = 0;
  #ended = false;
  #error: Error | undefined;
  #changed: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#changed?.();
    });
    socket.on('end', () => this.#end());
    socket.on('close', () => this.#end());
    socket.on('error', (error) => {
      this.#error = error;
      this.#end();
    });
  }

  /** Connects. The client may keep its side open after the server ended its own. */
  static async open(address: Address): Promise<RawClient> {
    const socket = connect({ ...address, allowHalfOpen: true, noDelay: true });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return client;
  }

  #end(): void {
    this.#ended = true;
    this.#changed?.();
  }

  /** True when the server ended its side, or the connection failed. */
  get ended(): boolean {
    return this.#ended;
  }

  /** How the connection failed, if it did. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Bytes that were received and not read. */
  get waiting(): number {
    return this.#length;
  }

  /** Sends bytes; a text is sent in ISO 8859-1. */
  send(bytes: string | Uint8Array): this {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    return this;
  }

  async #more(timeoutMs: number): Promise<void> {
    if (this.#ended) return;
    await new Promise<void>((resolve, reject) => {
      const fail = (): void =>
        reject(new Error(`nothing came for ${timeoutMs} ms; ${this.#length} bytes wait: ${this.#peekText()}`));
      // If it was this process that did nothing for so long, what came meanwhile is looked at first.
      let patience: NodeJS.Timeout | undefined;
      const timer = setTimeout(() => {
        patience = setTimeout(fail, 200);
      }, timeoutMs);
      this.#changed = () => {
        clearTimeout(timer);
        clearTimeout(patience);
        this.#changed = undefined;
        resolve();
      };
    });
  }

  #peekText(): string {
    return JSON.stringify(this.#peek().subarray(0, 200).toString('latin1'));
  }

  #peek(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks, this.#length)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  #take(length: number): Buffer {
    const bytes = this.#peek();
    this.#chunks = bytes.length > length ? [bytes.subarray(length)] : [];
    this.#length -= length;
    return bytes.subarray(0, length);
  }

  /** Reads exactly `length` bytes. @throws when the connection ends before. */
  async bytes(length: number, timeoutMs = patienceMs): Promise<Buffer> {
    while (this.#length < length) {
      if (this.#ended) throw new Error(`ended after ${this.#length} of ${length} bytes: ${this.#peekText()}`);
      await this.#more(timeoutMs);
    }
    return this.#take(length);
  }

  /** Reads up to the empty line, that included. */
  async head(timeoutMs = patienceMs): Promise<string> {
    for (;;) {
      const at = this.#peek().indexOf('\r\n\r\n');
      if (at >= 0) return this.#take(at + 4).toString('latin1');
      if (this.#ended) throw new Error(`ended in the middle of a head: ${this.#peekText()}${this.#error ?? ''}`);
      await this.#more(timeoutMs);
    }
  }

  /** Reads one response, its body by Content-Length, or to the end of the connection when it has none. */
  async response({ head: isHead = false, timeoutMs = patienceMs }: ReadOptions = {}): Promise<Response> {
    const head = await this.head(timeoutMs);
    const { status, statusLine, fields } = parseHead(head);
    const length = fields.get('content-length');
    let body: Buffer = Buffer.alloc(0);
    if (!isHead && status >= 200 && status !== 204 && status !== 304) {
      assert.equal(fields.get('transfer-encoding'), undefined);
      body = length === undefined ? await this.rest(timeoutMs) : await this.bytes(Number(length), timeoutMs);
    }
    return {
      ...{ status, statusLine, fields, head, body },
      get text() {
        return body.toString('latin1');
      },
    };
  }

  /** Everything up to the end of the connection. @throws when it does not end. */
  async rest(timeoutMs = patienceMs): Promise<Buffer> {
    while (!this.#ended) await this.#more(timeoutMs);
    return this.#take(this.#length);
  }

  /** Asserts that the server ends the connection and sends nothing more before. */
  async closes(timeoutMs = patienceMs): Promise<void> {
    const rest = await this.rest(timeoutMs);
    assert.equal(rest.toString('latin1', 0, 400), '', 'bytes after the last response');
  }

  /** Asserts that the connection can still be used. */
  async stays(path = '/'): Promise<void> {
    this.send(`GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`);
    assert.ok((await this.response()).status > 0);
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.socket.destroy();
  }
}

/** Status line and fields of a head, held to their grammar. */
export function parseHead(head: string): Pick<Response, 'status' | 'statusLine' | 'fields'> {
  const [statusLine = '', ...lines] = head.slice(0, -4).split('\r\n');
  const match = /^HTTP\/1\.1 (\d{3}) [\x20-\x7e]+$/.exec(statusLine);
  assert.ok(match !== null, `no status line: ${JSON.stringify(statusLine)}`);
  const fields = new Map<string, string>();
  for (const line of lines) {
    const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)$/.exec(line);
    assert.ok(field !== null, `no field line: ${JSON.stringify(line)}`);
    const name = field[1]!.toLowerCase();
    const before = fields.get(name);
    fields.set(name, before === undefined ? field[2]! : `${before} | ${field[2]}`);
  }
  return { status: Number(match[1]), statusLine, fields };
}

/** One request on a connection of its own. `fields` are whole lines without their ends. */
export async function ask(address: Address, line: string, fields: readonly string[] = []): Promise<Response> {
  const client = await RawClient.open(address);
  try {
    const text = [`${line} HTTP/1.1`, 'Host: test', ...fields, '', ''].join('\r\n');
    return await client.send(text).response({ head: line.startsWith('HEAD ') });
  } finally {
    client.destroy();
  }
}

/** Sends bytes on a connection of their own and reads `count` responses; the connection is handed over for more. */
export async function exchange(
  address: Address,
  bytes: string,
  count = 1,
): Promise<{ readonly client: RawClient; readonly responses: Response[] }> {
  const client = await RawClient.open(address);
  client.send(bytes);
  const responses: Response[] = [];
  for (let index = 0; index < count; index++) responses.push(await client.response());
  return { client, responses };
}
