// Addresses to listen on, as people write them and as they are printed: literals with and without brackets, names, Unix sockets.
// Not here: opening sockets (listening.ts).

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isAddress } from '../kernel/address-text.js';
import { coded } from '../text/coded.js';

/** Where a server listens: an address and a port, or the name of a Unix socket (`@` in front: abstract). */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** What a host may be, for the sentence that refuses another. */
export const hostForm = 'an address such as 127.0.0.1 or ::1, or a host name';

/**
 * A host without the brackets of a link; undefined where it is neither an address nor a name. A name that ends in a number would
 * be read as a shortened or octal address (`127.1`, `0x7f.1`), so it is none.
 */
export function hostOf(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined;
  const bracketed = /^\[(.*)\]$/.exec(text)?.[1];
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? bracketed : undefined;
  if (isAddress(text)) return text;
  const isName =
    text.length <= 253 &&
    /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?$/i.test(text);
  return isName && !/(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$/i.test(text) ? text : undefined;
}

/** The addresses of a host: itself, or what the host's resolver says of the name, in its order. @throws Error one sentence */
export async function addressesOf(host: string): Promise<readonly string[]> {
  if (isAddress(host)) return [host];
  try {
    const found = await lookup(host, { all: true, verbatim: true });
    return [...new Set(found.map(({ address }) => address))];
  } catch (error) {
    // RFC 6761 section 6.3: this name needs no resolver.
    if (/^localhost\.?$/i.test(host)) return ['127.0.0.1', '::1'];
    const { code } = error as NodeJS.ErrnoException;
    throw coded(
      'CLEARWAY_LISTEN',
      new Error(
        `the host name ${host} cannot be resolved (${code}): give an address, or check /etc/hosts and the resolver`,
      ),
    );
  }
}

/** An address as a link or, of a Unix socket, as `unix:/run/site.sock`. */
export function urlOf(address: ListenAddress): string {
  return 'path' in address ? `unix:${address.path}` : `http://${hostAndPort(address.host, address.port)}`;
}

/** `127.0.0.1:80`, `[::1]:80`; the `%` of a zone is escaped, as links have it (RFC 6874). */
export function hostAndPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host.replace('%', '%25')}]` : host}:${port}`;
}
