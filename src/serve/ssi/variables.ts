// The variables that a document may ask for: what was set, and nginx's of the request. Names count in lower case.
// All values are text of one character a byte.

import { formatTime } from '../../wire/ssi/time-format.js';

/** The request that a page is composed for. Values as received, one character a byte. */
export interface SsiRequest {
  readonly method: string;
  /** The request-target as received. */
  readonly target: string;
  /** HTTP/1.1 or HTTP/1.0. */
  readonly protocol: string;
  /** A field's value by its name in lower case. */
  header(name: string): string | undefined;
  /** The client's address. */
  peer(): string;
}

/** The document at hand: an included one has a path and arguments of its own. */
export interface SsiScope {
  /** Path beneath the root with a slash before it, decoded. */
  readonly uri: string;
  /** The query; undefined when there is none, not even a question mark. */
  readonly args: string | undefined;
  /** Seconds since 1970. */
  readonly modifiedSeconds: number;
  timefmt: string;
}

/** nginx's default of `config timefmt`. */
export const defaultTimeFormat = '%A, %d-%b-%Y %H:%M:%S %Z';

/** One argument of a query as it stands there; nginx's `arg_name`. */
function argument(args: string | undefined, name: string): string | undefined {
  for (const pair of (args ?? '').split('&')) {
    const equals = pair.indexOf('=');
    const key = equals < 0 ? pair : pair.slice(0, equals);
    if (key.toLowerCase() === name) return equals < 0 ? '' : pair.slice(equals + 1);
  }
  return undefined;
}

/** A variable of the request or of the document, by its name in lower case; undefined when there is none. */
export function requestVariable(name: string, request: SsiRequest, scope: SsiScope): string | undefined {
  switch (name) {
    case 'date_local':
      return formatTime(scope.timefmt, new Date(), false);
    case 'date_gmt':
      return formatTime(scope.timefmt, new Date(), true);
    case 'last_modified':
      return formatTime(scope.timefmt, new Date(scope.modifiedSeconds * 1000), false);
    case 'uri':
    case 'document_uri':
      return scope.uri;
    case 'document_name':
      return scope.uri.slice(scope.uri.lastIndexOf('/') + 1);
    case 'args':
    case 'query_string':
      return scope.args;
    case 'is_args':
      return scope.args ? '?' : '';
    case 'request_uri':
      return request.target;
    case 'request_method':
      return request.method;
    case 'server_protocol':
      return request.protocol;
    case 'scheme':
      return 'http';
    case 'host':
      return request.header('host')?.replace(/:\d+$/, '').toLowerCase();
    case 'remote_addr':
      return request.peer();
    default:
      if (name.startsWith('arg_')) return argument(scope.args, name.slice(4));
      if (name.startsWith('http_')) return request.header(name.slice(5).replaceAll('_', '-'));
      return undefined;
  }
}
