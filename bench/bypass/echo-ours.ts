// An echo of UDP over our own TCP/IP, a process of its own: each datagram goes back in the frame in which it came. It looks for packets without end, as DPDK does, or
// waits in the kernel once there was none for so many turns. echo-ours DEVICE ADDRESS/LENGTH PORT TURNS (-1: without end)

import { performance } from 'node:perf_hooks';
import { BypassDevice } from '../../src/bypass/bypass-device.js';
import { planBypass } from '../../src/bypass/bypass-plan.js';
import { Stack } from '../../src/bypass/stack.js';
import { Turned } from '../../src/bypass/stack-exports.js';
import { XdpLink } from '../../src/bypass/xdp-link.js';
import { EPOLL, EPOLL_CTL } from '../../src/kernel/constants.js';
import { epollControl, epollCreate, epollWait } from '../../src/kernel/epoll.js';
import { Region } from '../../src/memory/region.js';

/** Sends all that came back. Returns how many these were. */
function answerAll(stack: Stack, socket: number): number {
  const { core } = stack;
  let answered = 0;
  for (let length = core.udpReceive(socket); length >= 0; length = core.udpReceive(socket)) {
    const at = stack.pieceAddress;
    answered++;
    if (stack.answerDatagram(socket, length) !== 0) stack.giveBack(at);
  }
  return answered;
}

/** Works until the process is ended by a signal. */
function serve(device: string, address: string, port: number, turns: number): never {
  const plan = planBypass({ device, addresses: [address] });
  const stack = new Stack({ mac: plan.mac, mtu: plan.mtu, addresses: plan.addresses });
  const link = new XdpLink(stack, device, plan.ifindex, 0);
  new BypassDevice(plan).bring([{ queue: 0, fd: link.descriptor }]);
  const socket = stack.openDatagrams('::', port);
  if (socket < 0) throw new Error(`no socket of UDP: ${socket}`);
  const epoll = epollCreate();
  const events = new Region(4096);
  epollControl(epoll, EPOLL_CTL.ADD, link.descriptor, EPOLL.IN, 0, 0);
  console.log('ready');
  for (let idle = 0; ; ) {
    stack.flushReturned();
    const turned = stack.core.turn((performance.now() * 1000) >>> 0);
    link.worked((turned & Turned.kick) !== 0);
    if ((turned & Turned.events) !== 0) while (stack.takeNews() > 0) {}
    if (answerAll(stack, socket) > 0) idle = 0;
    else if (++idle > turns) epollWait(epoll, events.address, 1, 100);
  }
}

const [device = '', address = '', port = '', turns = ''] = process.argv.slice(2);
serve(device, address, Number(port), Number(turns) < 0 ? Number.POSITIVE_INFINITY : Number(turns));
