// Constants of a server that takes each frame of a queue and answers it: through the kernel's sockets, and past the kernel (AF_XDP and the stack of
// src/core/). All else is in constants.ts, which has these too; `clearway calibrate` measures them on a veth pair.

import { assumed, type Constant } from './constant.js';

const calibrated = 'a 2-core virtual machine; calibrate';
const kernelWay = 'UDP, a datagram a call, from JavaScript; veth pair, the peer’s reception included';
const copyMode = 'copy mode, veth pair';
const served = 'clearway serve, its whole process, 16 connections; veth pair';
const coreAlone = 'a datagram through our stack to the application and back';

export const bypassConstants = {
  'echo.socket': assumed(5300, 'ns/packet', kernelWay, calibrated),
  'echo.socket.byte': assumed(0.1, 'ns/B', `copies and checksum; ${kernelWay}`, calibrated),
  'xsk.receive': assumed(1150, 'ns/packet', `driver, XDP program, redirection, descriptor; ${copyMode}`, calibrated),
  'xsk.receive.copy': assumed(0.3, 'ns/B', `out of the driver’s buffer into our frame; ${copyMode}`, calibrated),
  'xsk.send': assumed(1250, 'ns/packet', `sk_buff, driver, the peer’s reception; ${copyMode}`, calibrated),
  'xsk.send.copy': assumed(0.05, 'ns/B', `out of our frame into the sk_buff; ${copyMode}`, calibrated),
  'xsk.send.zerocopy': assumed(50, 'ns/packet', 'descriptor and completion', 'as path.af_xdp, the other way'),
  'xsk.kick': assumed(1600, 'ns/kick', `system call that has frames sent; ${copyMode}`, calibrated),
  'xsk.kick.batch': assumed(
    32,
    'packets/kick',
    'under load',
    'TX_BATCH_SIZE, net/xdp/xsk.c: most that copy mode sends a call',
  ),
  'stack.datagram': assumed(
    135,
    'ns/packet',
    coreAlone,
    'docs/bench-bypass.md, the guard: 145 ns at 64 B and 364 ns at 1442 B',
  ),
  'stack.byte': assumed(
    0.16,
    'ns/B',
    `checksum verified and made; ${coreAlone}`,
    'docs/bench-bypass.md, as stack.datagram',
  ),
  'request.socket': assumed(20_000, 'ns/request', `by the kernel’s sockets; ${served}`, calibrated),
  'request.socket.byte': assumed(0.2, 'ns/B', `by the kernel’s sockets; ${served}`, calibrated),
  'request.bypass': assumed(20_000, 'ns/request', `by our TCP/IP, copy mode; ${served}`, calibrated),
  'request.bypass.byte': assumed(
    1.5,
    'ns/B',
    `by our TCP/IP, copy mode, a packet for each 1,448; ${served}`,
    calibrated,
  ),
} satisfies Record<string, Constant>;
