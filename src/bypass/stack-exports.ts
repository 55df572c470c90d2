// The functions of dist/core/stack.wasm as plain TypeScript calls them: src/core/README.md says what each one does. Not here: its memory (stack.ts).

/** What every module with the stack in it exports. Negative numbers are -errno. */
export interface StackBaseExports {
  heapBase(): number;
  controlBlock(): number;
  configure(from: number, to: number): number;
  attachRings(): number;
  turn(nowUs: number): number;
  nextDeadlineUs(): number;
  listen(address: number, port: number, backlog: number): number;
  isWayKnown(remote: number): number;
  framesOwnedBy(owner: number): number;
  endsUnheard(): number;
}

/** See the file's head. */
export interface StackExports extends StackBaseExports {
  accept(socket: number): number;
  connect(local: number, remote: number, port: number): number;
  receive(socket: number): number;
  recycle(address: number): number;
  recycleMany(addresses: number, many: number): number;
  sendRoom(socket: number): number;
  frameForSend(socket: number): number;
  sendBytes(socket: number): number;
  sendFrame(socket: number, address: number, length: number, more: number): number;
  dropFrame(address: number): number;
  pushSocket(socket: number): number;
  shutdown(socket: number): number;
  abort(socket: number): number;
  close(socket: number): number;
  unacknowledged(socket: number): number;
  setOption(socket: number, option: number, value: number): number;
  takeHeard(): number;
  hearAlso(from: number, entries: number): void;
  peerOf(socket: number, into: number): number;
  deliverInto(rows: number, many: number): number;
  deliver(socket: number, on: number): number;
  keepRow(number: number): number;
  nextSockets(into: number, most: number): number;
  udpOpen(address: number, port: number): number;
  udpPort(socket: number): number;
  udpReceive(socket: number): number;
  udpFrame(): number;
  udpSend(socket: number, address: number, length: number, remote: number, port: number): number;
  udpClose(socket: number): number;
}

/** What {@link StackExports.turn} answers: bits. */
export const Turned = { kick: 1, more: 2, events: 4 } as const;

/** Options of {@link StackExports.setOption}. */
export const SocketOption = { noDelay: 1, keepAlive: 2 } as const;
