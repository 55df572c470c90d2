// What `clearway plan` says to requests over TCP, through the kernel and past it, beside what was measured: files and connections of which no constant was made. Arithmetic only.

import { answer } from '../plan/answers/answer.js';
import type { Host } from '../plan/facts/hosts.js';
import { defaultScenario } from '../plan/scenario.js';
import { type Compared, compared, percent } from './compared.js';
import { comparedRequests, type RequestPoint, requestName } from './request-series.js';
import type { Measured } from './solve.js';

/** A request, in nanoseconds of the server. */
export type CheckedRequest = RequestPoint & Compared;

/** What the profile says to one point. */
function predictedRequestNs({ way, bytes }: RequestPoint, here: Host): number {
  const path = way === 'socket' ? ('request-socket' as const) : ('request-bypass' as const);
  const scenario = { ...defaultScenario(), host: 'here' as const, device: 'veth' as const, path, message: bytes };
  return answer(scenario, { here }).cpu.receiverNsPerMessage;
}

/** The comparison; empty where nothing was measured. */
export function checkRequests(measured: ReadonlyMap<string, Measured>, here: Host): CheckedRequest[] {
  return compared(measured, comparedRequests, requestName, (point) => predictedRequestNs(point, here));
}

/** The table, for a reader; empty where nothing was measured. */
export function requestTable(checked: readonly CheckedRequest[]): string {
  if (checked.length === 0) return '';
  const rows = checked.map(({ way, bytes, connections, predicted, measured, error }) => {
    const words = way === 'socket' ? 'the kernel’s sockets' : 'our TCP/IP, AF_XDP in copy mode';
    const us = (ns: number): string => (ns / 1000).toFixed(1);
    return `| ${words} | ${bytes / 1024} KiB | ${connections} | ${us(predicted)} | ${us(measured)} | ${percent(error)} |`;
  });
  return [
    '',
    'requests of clearway serve on a veth pair: predicted by plan --here with path: request-socket or request-bypass, and measured;',
    'the constants are of files of 1 and 64 KiB with 16 connections',
    '',
    '| way | file | connections | us a request predicted | measured | error |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
    '',
  ].join('\n');
}
