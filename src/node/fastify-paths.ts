// Addresses as the Fastify plugin sees them: the part of a request's target behind a route's prefix, where a directory's
// name is redirected to, the name that a download is saved under.

import { basename } from 'node:path';

/** A path that climbs: on the plugin's side of it a 403, whatever it would lead to. */
export const climbs = /(?:^|[\\/])\.\.(?:[\\/]|$)/;

/**
 * Matches the prefix of a route against raw targets, in which parameters are whatever their segment is.
 * @param route a route's path with `*` at its end. @returns length of what the prefix took, or -1.
 */
export function prefixMatcher(route: string): (target: string) => number {
  const prefix = route.replace(/\*$/, '');
  if (prefix === '/') return () => 0;
  const source = prefix
    .split(/(:[^/]+)/)
    .map((piece) => (piece.startsWith(':') ? '[^/?]+' : piece.replace(/[.*+?^$()|[\]\\{}]/g, '\\$&')))
    .join('');
  const pattern = new RegExp(`^${source}`);
  return (target) => pattern.exec(target)?.[0].length ?? -1;
}

/**
 * The path behind a route's prefix, decoded but for what decoding would make into a separator.
 * @returns undefined when the target is not beneath it or cannot be decoded, `climbs` when it goes up.
 */
export function pathBehindPrefix(target: string, match: (target: string) => number): string | 'climbs' | undefined {
  const whole = target.replace(/\?.*$/s, '');
  const taken = match(whole);
  if (taken < 0) return undefined;
  const rest = whole.substring(taken);
  const path = rest.startsWith('/') ? rest : `/${rest}`;
  try {
    return climbs.test(decodeURI(whole)) ? 'climbs' : decodeURI(path);
  } catch {
    return undefined;
  }
}

/** The target with a slash behind its path, its query kept; several slashes at the beginning would name a host. */
export function withTrailingSlash(target: string): string {
  const { pathname, search } = new URL(target.replace(/^[/\\]*/, '/'), 'http://localhost');
  return `${pathname}${pathname.endsWith('/') ? '' : '/'}${search}`;
}

const token = /^[\w!#$%&'*+.^`|~-]+$/;
const escaped = /%[0-9A-Fa-f]{2}/;

/** Content-Disposition of a download (RFC 6266): the name as a token or quoted, and its exact form where that loses. */
export function attachment(path: string): string {
  const name = basename(path);
  const plain = name.replace(/[^\x20-\x7e]/g, '?');
  const value = token.test(plain) ? plain : `"${plain.replace(/["\\]/g, '\\$&')}"`;
  const disposition = `attachment; filename=${value}`;
  if (plain === name && !escaped.test(name)) return disposition;
  const exact = encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  });
  return `${disposition}; filename*=UTF-8''${exact}`;
}
