// `--conn FILTER`: which connections are followed, by an address, a port, or both, of either end.

import { isIP } from 'node:net';
import { shown } from '../text/shown.js';

/** One end of a connection. At least one of the two is given. */
export interface ConnectionFilter {
  /** An address as four 32-bit words in memory order, IPv4 as ::ffff:a.b.c.d. */
  readonly address?: readonly number[];
  readonly port?: number;
}

/** A filter that names no connection. The message says what one looks like. */
export class ConnectionFilterError extends Error {
  override readonly name = 'ConnectionFilterError';
  readonly code = 'CLEARWAY_CONNECTION_FILTER';
  constructor(text: unknown) {
    super(
      `a connection is named by an address, a port or both, such as 10.0.0.7, :443 or [::1]:80, not ${quoted(text)}`,
    );
  }
}

function quoted(text: unknown): string {
  return shown(typeof text === 'string' && text.length > 60 ? `${text.slice(0, 60)}...` : text);
}

/** Reads a filter: `10.0.0.7`, `:443`, `10.0.0.7:443`, `::1`, `[::1]:80`. @throws ConnectionFilterError */
export function parseConnectionFilter(text: string): ConnectionFilter {
  if (typeof text !== 'string') throw new ConnectionFilterError(text);
  const plain = addressWords(text);
  if (plain !== undefined) return { address: plain };
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) throw new ConnectionFilterError(text);
  const [, inBrackets, bare, digits] = match;
  const host = inBrackets ?? bare ?? '';
  if (inBrackets !== undefined && isIP(inBrackets) !== 6) throw new ConnectionFilterError(text);
  const address = host === '' ? undefined : addressWords(host);
  const port = digits === undefined ? undefined : Number(digits);
  if ((host !== '' && address === undefined) || (address === undefined && port === undefined)) {
    throw new ConnectionFilterError(text);
  }
  if (port !== undefined && (port < 1 || port > 65535)) throw new ConnectionFilterError(text);
  return { ...(address === undefined ? {} : { address }), ...(port === undefined ? {} : { port }) };
}

/** The words of an address, as a little-endian machine loads them; `undefined` for what is none. */
export function addressWords(text: string): number[] | undefined {
  const family = isIP(text);
  if (family === 0 || text.includes('%')) return undefined;
  const groups = family === 4 ? mappedGroups(text) : v6Groups(text);
  return [0, 2, 4, 6].map((index) => (swapped(groups[index]!) | (swapped(groups[index + 1]!) << 16)) >>> 0);
}

function swapped(group: number): number {
  return ((group & 0xff) << 8) | (group >>> 8);
}

function mappedGroups(text: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return [0, 0, 0, 0, 0, 0xffff, a * 256 + b, c * 256 + d];
}

function v6Groups(text: string): number[] {
  const [head = '', tail] = text.split('::');
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text
    .split(':')
    .flatMap((group) => (group.includes('.') ? mappedGroups(group).slice(6) : [parseInt(group, 16)]));
}
