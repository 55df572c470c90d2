// Whose request it is, where proxies stand in front: the right-most address in X-Forwarded-For or Forwarded that is none of the
// trusted proxies', beginning with the connection's own peer. What clients write to the left of that is not believed.
// Not here: the PROXY protocol's bytes (wire/proxy-protocol.ts).

import { BlockList, isIP } from 'node:net';

/** Proxies that are trusted: addresses and networks in CIDR form, and `unix` for whoever comes by a Unix socket. */
export type TrustedProxies = readonly string[];

/** The peer of a Unix socket, which has no address. */
export const unixPeer = 'unix:';

/** What a worker is told about proxies in front of it. */
export interface ProxyPolicy {
  /** The trusted ones; undefined: none. */
  readonly clients: ClientAddresses | undefined;
  /** Each connection begins with a header of the PROXY protocol. */
  readonly hasHeader: boolean;
}

/** No proxies. */
export const noProxies: ProxyPolicy = { clients: undefined, hasHeader: false };

/** The policy of a server's options. */
export function proxyPolicy(trustProxy: TrustedProxies, proxyProtocol: boolean): ProxyPolicy {
  return { clients: trustProxy.length > 0 ? new ClientAddresses(trustProxy) : undefined, hasHeader: proxyProtocol };
}

/** Hops that are looked at, from the right, and characters of a field: what is longer is not believed any further. */
const mostHops = 32;
const mostCharacters = 4096;

/** Why a text is none of {@link TrustedProxies}, as the rest of a sentence; undefined where it is one. */
export function proxyProblem(text: unknown): string | undefined {
  const form = 'an address, a network such as 10.0.0.0/8 or fd00::/8, or unix';
  if (text === 'unix') return undefined;
  if (typeof text !== 'string') return form;
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
  return family !== 0 && !address.includes('%') && isPrefix && rest.length === 0 ? undefined : form;
}

/** Answers for one list of proxies. */
export class ClientAddresses {
  readonly #networks = new BlockList();
  readonly #trustsUnix: boolean;

  /** @param proxies each checked by {@link proxyProblem} */
  constructor(proxies: TrustedProxies) {
    this.#trustsUnix = proxies.includes('unix');
    for (const proxy of proxies) {
      if (proxy === 'unix') continue;
      const [address = '', prefix] = proxy.split('/');
      const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
      this.#networks.addSubnet(address, prefix === undefined ? (family === 'ipv4' ? 32 : 128) : Number(prefix), family);
    }
  }

  /** Whether an address is a trusted proxy's. */
  trusts(address: string): boolean {
    if (address === unixPeer) return this.#trustsUnix;
    const family = isIP(address);
    return family !== 0 && this.#networks.check(address.split('%')[0]!, family === 4 ? 'ipv4' : 'ipv6');
  }

  /**
   * The client of a request.
   * @param peer whom the connection is with. @param xForwardedFor, forwarded the fields' values, repeated ones joined by commas. The
   * first counts where both say something: nearly every proxy sets it, and passes the other on as it came.
   */
  of(peer: string, xForwardedFor: string | undefined, forwarded: string | undefined): string {
    if (!this.trusts(peer)) return peer;
    const named = hopsOf(xForwardedFor ?? '');
    const hops = named.length > 0 ? named : hopsOfForwarded(forwarded ?? '');
    let client = peer;
    for (let index = hops.length - 1; index >= Math.max(0, hops.length - mostHops); index--) {
      const address = addressOf(hops[index]!);
      // A hop that hides itself, or is none: who stands before it cannot be told.
      if (address === undefined) return client;
      client = address;
      if (!this.trusts(address)) return client;
    }
    return client;
  }
}

function hopsOf(text: string): readonly string[] {
  return withoutEmpty(text.slice(-mostCharacters).split(','));
}

/** Empty elements are passed over (RFC 9110 section 5.6.1.2): a proxy that adds to an empty field leaves one. */
function withoutEmpty(elements: readonly string[]): readonly string[] {
  return elements.map((element) => element.trim()).filter((element) => element !== '');
}

/** The `for` of each element of Forwarded (RFC 7239 section 4); empty where an element has none, or is written wrongly. */
function hopsOfForwarded(text: string): readonly string[] {
  if (text.length > mostCharacters) return [];
  return withoutEmpty(elementsOf(text)).map((element) => {
    const match = /(?:^|;)[ \t]*for=(?:"([^"\\]*)"|([^\s;,"]+))[ \t]*(?:;|$)/i.exec(element);
    return match?.[1] ?? match?.[2] ?? '';
  });
}

/** Cut at the commas that stand outside of quotes. */
function elementsOf(text: string): readonly string[] {
  const elements: string[] = [];
  let from = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') isQuoted = !isQuoted;
    else if (text[at] === ',' && !isQuoted) {
      elements.push(text.slice(from, at));
      from = at + 1;
    }
  }
  elements.push(text.slice(from));
  return elements;
}

/** The address of a hop, without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`. */
function addressOf(hop: string): string | undefined {
  const bare = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(hop)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/.exec(hop)?.[1] ?? hop;
  if (isIP(bare) === 0 || bare.includes('%')) return undefined;
  return mappedAddress(bare) ?? bare.toLowerCase();
}

/** The IPv4 address in an IPv6 one (`::ffff:192.0.2.1`, `0:0:0:0:0:ffff:c000:201`), where it is one. */
function mappedAddress(text: string): string | undefined {
  const [, rest = ''] = /^[0:]+:ffff:(.+)$/i.exec(text) ?? [];
  if (isIP(rest) === 4) return rest;
  const groups = /^([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(rest)?.slice(1);
  return groups
    ?.map((group) => Number.parseInt(group, 16))
    .map((value) => `${value >> 8}.${value & 255}`)
    .join('.');
}
