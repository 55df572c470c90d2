// `clearway why` on this host, in network namespaces of its own: what is put in the way of the bytes is what it names.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Assembler } from '../../src/bpf/assembler.js';
import { hostFacts } from '../../src/bpf/host-facts.js';
import { closeDescriptor } from '../../src/kernel/socket.js';
import { packetSocket } from '../../src/lab/end.js';
import { addresses, makePair, type Pair, tool } from '../../src/lab/namespaces.js';
import { attachTc, treatments } from '../../src/lab/treatments.js';
import { program as main } from '../support/program.js';

const workload = fileURLToPath(new URL('../support/socket-workloads.js', import.meta.url));
const sources = new URL('../../src/', import.meta.url).href;

function reasonToSkip(): string | false {
  if (process.platform !== 'linux') return 'needs Linux';
  const facts = hostFacts();
  if (!facts.btf) return 'this kernel publishes no BTF';
  if (!facts.capabilities.has('CAP_SYS_ADMIN')) return 'needs root: makes network namespaces and loads BPF programs';
  const missing = ['ip', 'ethtool', 'ss'].find((name) => spawnSync(name, ['--version']).error !== undefined);
  return missing === undefined ? false : `needs ${missing}`;
}

const skip = reasonToSkip();

interface Answer {
  reasons: { rule: string; savesBytes: number; certainty: string; remedy: string; says: string }[];
  blind: { rule: string }[];
  tier: string;
}

let folder = '';
let pair: Pair | undefined;
let files = 0;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'clearway-why-'));
  // What `why` asks for sockets, and a mark each time that it has: a program that waits for two was looked at meanwhile.
  mkdirSync(join(folder, 'bin'));
  const script = `#!/bin/sh\nPATH=\${PATH#*:}\nss "$@"\nstatus=$?\n: > '${join(folder, 'looked')}'\nexit $status\n`;
  writeFileSync(join(folder, 'bin/ss'), script, { mode: 0o755 });
  if (skip === false) pair = makePair();
});
after(() => {
  pair?.remove();
  rmSync(folder, { recursive: true, force: true });
});

function within(end: 'left' | 'right', command: readonly string[]): ChildProcess {
  const path = `${join(folder, 'bin')}:${process.env['PATH']}`;
  const env = { ...process.env, WORKLOAD_HOST: addresses.right, PATH: path };
  const [name = '', ...rest] = command;
  return pair!.within(end, () => spawn(name, rest, { stdio: ['ignore', 'ignore', 'pipe'], env }));
}

/** The answer of `why` about a command run in a namespace: it comes on stderr. */
async function why(end: 'left' | 'right', command: readonly string[]): Promise<Answer> {
  const child = within(end, [process.execPath, main, 'why', '--json', '--', ...command]);
  let text = '';
  child.stderr!.on('data', (bytes) => {
    text += String(bytes);
  });
  const [status] = (await once(child, 'close')) as [number];
  assert.equal(status, 0, text);
  return JSON.parse(text) as Answer;
}

/** The answer about a sender in the left namespace, whose bytes are received in the right one. */
async function whySending(sender: string): Promise<Answer> {
  const portFile = join(folder, `port-${files++}`);
  const receiver = within('right', [process.execPath, workload, 'receiver', join(folder, 'received'), portFile]);
  receiver.stderr!.resume();
  const received = once(receiver, 'exit');
  while (!existsSync(portFile)) await new Promise((wake) => setTimeout(wake, 10));
  const answer = await why('left', [process.execPath, workload, sender, join(folder, 'sent'), portFile]);
  await received;
  return answer;
}

const total = 4 * 1024 * 1024 + 77;
const find = ({ reasons }: Answer, rule: string) => reasons.find((each) => each.rule === rule);

test('sendfile with checksum offload off: the device and the command are named', { skip }, async () => {
  pair!.within('left', () => tool('ethtool', '-K', 'eth', 'tx', 'off'));
  try {
    const found = find(await whySending('sender-sendfile'), 'checksum-offload-off');
    assert.ok(found !== undefined);
    assert.equal(found.remedy, 'ethtool -K eth tx on');
    assert.ok(found.savesBytes >= total);
  } finally {
    pair!.within('left', () => tool('ethtool', '-K', 'eth', 'tx', 'on', 'sg', 'on', 'tso', 'on'));
  }
  assert.equal(find(await whySending('sender-sendfile'), 'checksum-offload-off'), undefined);
});

test('zero-copy over veth is reverted; a capture copies once more', { skip }, async () => {
  const plain = await whySending('sender-zerocopy');
  // What is delivered long after the sender is gone has no sender to be billed to: on a busy host, a little is missing.
  assert.ok(find(plain, 'zero-copy-reverted')!.savesBytes >= total * 0.75, JSON.stringify(plain));
  assert.match(find(plain, 'zero-copy-reverted')!.says, /\(eth\)/);
  assert.equal(find(plain, 'capture-running'), undefined);
  const socket = pair!.within('left', packetSocket);
  try {
    const found = find(await whySending('sender-zerocopy'), 'capture-running');
    assert.ok(found !== undefined);
    assert.match(found.says, new RegExp(`\\(${process.pid}\\)`));
    assert.ok(found.savesBytes >= total);
  } finally {
    closeDescriptor(socket);
  }
});

test('a tc program on the way is named: as a reason, or as what this tier cannot see', { skip }, async () => {
  const attached = attachTc(pair!, 'left', 'egress', new Assembler().exit(-1).assemble());
  try {
    const answer = await whySending('sender-sendfile');
    const expected = answer.tier === 'functions' ? [] : ['tc-program-pulls'];
    assert.deepEqual(
      answer.blind.map(({ rule }) => rule).filter((rule) => rule === 'tc-program-pulls'),
      expected,
    );
    assert.equal(find(answer, 'tc-program-pulls'), undefined, 'it pulls nothing');
  } finally {
    attached.undo();
  }
});

test('an XDP program on the receiving device is named', { skip }, async () => {
  const { apply } = treatments.find(({ name }) => name === 'xdp-generic')!;
  const applied = apply(pair!);
  try {
    const portFile = join(folder, `port-${files++}`);
    const receiver = [process.execPath, workload, 'receiver', join(folder, 'received'), portFile];
    const answer = why('right', receiver);
    while (!existsSync(portFile)) await new Promise((wake) => setTimeout(wake, 10));
    within('left', [process.execPath, workload, 'sender-sendfile', join(folder, 'sent'), portFile]).stderr!.resume();
    const found = find(await answer, 'xdp-on-path');
    assert.match(found?.says ?? '', /clearway_lab on eth \(generic mode, a veth device\)/);
    assert.ok(found!.savesBytes >= total * 0.95);
  } finally {
    applied.undo();
  }
});

test('a program that never takes its completions, and one that reads and writes files', { skip }, async () => {
  const untilLookedAt = `
    const { existsSync, rmSync } = await import('node:fs');
    async function untilLookedAt() {
      const mark = '${join(folder, 'looked')}';
      for (const end = Date.now() + 60_000, looks = []; looks.length < 2 && Date.now() < end; looks.push(1)) {
        rmSync(mark, { force: true });
        while (!existsSync(mark) && Date.now() < end) await new Promise((wake) => setTimeout(wake, 10));
      }
    }`;
  const careless = `
    const { pinning } = await import('${sources}lab/senders.js');
    const { acceptNonBlocking, connectTcp, listenTcp, localAddress } = await import('${sources}kernel/socket.js');
    const { syscall6 } = await import('${sources}kernel/ffi.js');
    const { sys } = await import('${sources}kernel/numbers.js');
    const { Region } = await import('${sources}memory/region.js');
    const listener = listenTcp({ host: '127.0.0.1', port: 0 });
    const sender = pinning(connectTcp(localAddress(listener)));
    const receiver = acceptNonBlocking(listener);
    const { address } = new Region(65536);
    for (let count = 0; count < 20; count++) {
      syscall6(sys.sendto, sender, address, 65536, 0x4004000, 0, 0);
      while (syscall6(sys.recvfrom, receiver, address, 65536, 0x40, 0, 0) > 0);
    }
    await untilLookedAt();`;
  const node = [process.execPath, '--input-type=module', '-e'];
  const answer = await why('left', [...node, untilLookedAt + careless]);
  assert.match(find(answer, 'zero-copy-without-completion')?.remedy ?? '', /MSG_ERRQUEUE/);
  const file = join(folder, 'page');
  const copier = `
    import { createServer, connect } from 'node:net';
    import { createReadStream, writeFileSync } from 'node:fs';
    writeFileSync('${file}', Buffer.alloc(8 << 20));
    const server = createServer((socket) => createReadStream('${file}').pipe(socket)).listen(0, '127.0.0.1', () =>
      connect(server.address().port, '127.0.0.1').resume().on('close', () => untilLookedAt().then(() => server.close())));`;
  const copied = find(await why('left', [...node, untilLookedAt + copier]), 'read-and-write-instead-of-sendfile');
  assert.ok(copied !== undefined && copied.savesBytes >= 2 * 8 * 1024 * 1024);
  assert.ok(readFileSync(file).length > 0);
});

test('an unknown option and a process that is not there are one sentence each', () => {
  for (const args of [['--nonsense'], ['--pid', 'x'], ['--']]) {
    const { status, stderr } = spawnSync(process.execPath, [main, 'why', ...args], { encoding: 'utf8' });
    assert.equal(status, 2, stderr);
    assert.equal(stderr.trim().split('\n').length, 1);
  }
});
