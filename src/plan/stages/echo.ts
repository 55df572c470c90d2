// A server that takes each frame of its queue and answers it with one as long: through the kernel's socket, or past the kernel by AF_XDP and our own
// stack, in copy mode and zero-copy. One message is one frame. Not here: buses and wire (packet.ts).

import type { Path } from '../scenario.js';
import { headerBytes } from './ethernet.js';
import { type Stage, stage, type Term, term, type Workshop } from './stage.js';

/** The paths, in the order in which they are compared. */
export const echoPaths = ['socket-echo', 'bypass-copy', 'bypass-zerocopy'] as const satisfies readonly Path[];

/** Whether a path is one of those. */
export function isEchoPath(path: Path): path is (typeof echoPaths)[number] {
  return (echoPaths as readonly Path[]).includes(path);
}

const onCore = { side: 'receiver', resource: 'core', grain: 'packet' } as const;

/** The stages of a frame of so many bytes in memory. @param latency until the core takes it @param extra of rules that the kernel's way walks */
export function echoStages(shop: Workshop, bytes: number, latency: Term[], extra: Term[]): Stage[] {
  const { path, way } = shop.scenario;
  if (path === 'socket-echo') {
    const terms = [
      term(shop, 'echo.socket', 1, 'driver, stack, calls, stack, driver'),
      term(shop, 'echo.socket.byte', bytes, 'copies and checksum'),
      ...extra,
    ];
    return [stage({ ...onCore, id: 'echo-socket', label: 'answered through the kernel’s socket', terms, latency })];
  }
  const isCopied = path === 'bypass-copy';
  // Past the kernel nobody walks its rules.
  const retpolines = extra.filter(({ constant }) => constant === 'path.retpoline');
  const payload = Math.max(0, bytes - linkBytes - headerBytes({ ...shop.scenario, protocol: 'udp' }));
  return [
    stage({
      ...{ ...onCore, id: 'xsk-receive', label: 'driver and XDP program, redirected to our socket', latency },
      terms: [
        isCopied
          ? term(shop, 'xsk.receive', 1, 'driver, XDP program, descriptor')
          : term(shop, 'path.af_xdp', 1, 'driver, XDP program, descriptor'),
        term(shop, 'xsk.receive.copy', isCopied ? bytes : 0, 'copied into our frame'),
        ...retpolines,
      ],
    }),
    stage({
      ...{ ...onCore, id: 'stack', label: 'our stack and the application' },
      terms: [
        term(shop, 'stack.datagram', 1, 'in, to the application, out'),
        term(shop, 'stack.byte', bytes, 'checksums'),
        // By reference the application answers in the frame, or sends what was read straight into one.
        term(shop, 'copy.user', way === 'bypass' ? 0 : payload, 'the answer copied into its frame'),
      ],
    }),
    stage({
      ...{ ...onCore, id: 'xsk-send', label: 'sent out of our frame' },
      terms: [
        term(shop, 'xsk.kick', 1 / shop.look('xsk.kick.batch').value, 'system calls'),
        term(shop, isCopied ? 'xsk.send' : 'xsk.send.zerocopy', 1, isCopied ? 'sk_buff and driver' : 'descriptor'),
        term(shop, 'xsk.send.copy', isCopied ? bytes : 0, 'copied out of our frame'),
      ],
    }),
  ];
}

const linkBytes = 14;
