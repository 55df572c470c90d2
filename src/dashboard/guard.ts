// Who may see the dashboard: the Host check against DNS rebinding, and the token where it listens beyond loopback.
// It decides and makes cookies; it serves nothing.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

/** What a request is given. */
export type Verdict =
  | { readonly allowed: true; readonly setCookie: string | undefined }
  | { readonly allowed: false; readonly status: 400 | 401 | 403; readonly why: string };

/** What the guard reads of a request. */
export interface Asked {
  readonly host: string | undefined;
  readonly url: URL;
  readonly cookie: string | undefined;
  /** Sec-Fetch-Site, as browsers send it. */
  readonly site: string | undefined;
}

/** True for an address that only this host can reach. */
export function isLoopback(host: string): boolean {
  return host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** Compares two secrets in a time that tells nothing about either: digests have one length, whatever was given. */
function sameSecret(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

/**
 * True where a Host field names an address itself or `localhost`, with the right port. A page of another site can make its
 * own name lead here (DNS rebinding), but its requests then carry that name.
 */
export function hostIsDirect(host: string | undefined, port: number): boolean {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(host ?? '');
  if (match === null || Number(match[3] ?? 80) !== port) return false;
  if (match[1] !== undefined) return isIP(match[1]) === 6;
  return match[2]!.toLowerCase() === 'localhost' || isIP(match[2]!) === 4;
}

/** The guard of one dashboard. */
export class Guard {
  /** The token of the printed address; undefined on loopback, where none is asked for. */
  readonly token: string | undefined;
  /** What the cookie holds: not the token, so that neither gives away the other. */
  private readonly session = randomBytes(32).toString('base64url');

  constructor(
    private readonly port: number,
    loopback: boolean,
  ) {
    this.token = loopback ? undefined : randomBytes(32).toString('base64url');
  }

  /** Cookies do not know ports, so the name does. */
  private get cookieName(): string {
    return `clearway_dashboard_${this.port}`;
  }

  /** Decides about a request. */
  judge({ host, url, cookie, site }: Asked): Verdict {
    if (!hostIsDirect(host, this.port)) {
      return { allowed: false, status: 403, why: 'open the dashboard by its address, not by a name' };
    }
    if (site === 'cross-site' && url.pathname !== '/') {
      return { allowed: false, status: 403, why: 'other sites may not read the dashboard' };
    }
    if (this.token === undefined) return { allowed: true, setCookie: undefined };
    const given = url.searchParams.get('token');
    if (given !== null && sameSecret(given, this.token)) {
      const cookieText = `${this.cookieName}=${this.session}; HttpOnly; SameSite=Strict; Path=/`;
      return { allowed: true, setCookie: cookieText };
    }
    const kept = new RegExp(`(?:^|;\\s*)${this.cookieName}=([\\w-]+)`).exec(cookie ?? '')?.[1];
    if (kept !== undefined && sameSecret(kept, this.session)) return { allowed: true, setCookie: undefined };
    return { allowed: false, status: 401, why: 'open the address that clearway printed, with its token' };
  }
}
