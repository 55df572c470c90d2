// The options of the Fastify plugin: those of @fastify/static, their defaults, and the sentences that refuse them.

import { type Stats, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { FastifyStaticError, invalidOption, invalidOptionValue } from './fastify-errors.js';
import { checkListOptions, type ListOptions } from './fastify-listing.js';
import type { FileOptions } from './file-options.js';

type Root = string | URL | readonly (string | URL)[];

/** Options of one file that is sent: see FileOptions; `contentType: false` leaves the type to the application. */
export interface FastifySendOptions extends Omit<FileOptions, 'root' | 'multipart'> {
  contentType?: boolean;
  serveDotFiles?: boolean;
  root?: string | readonly string[];
}

/** Options of the plugin. */
export interface FastifyStaticOptions extends Omit<FastifySendOptions, 'root'> {
  root?: Root;
  /** false: only the decorators. Default true. */
  serve?: boolean;
  prefix?: string;
  prefixAvoidTrailingSlash?: boolean;
  decorateReply?: boolean;
  schemaHide?: boolean;
  setHeaders?: (reply: FastifyReply, path: string, stats: Stats) => void;
  /** Redirect a directory's name to the one with a slash. Default false. */
  redirect?: boolean;
  /** false: a route for each file that is there at the start. Default true. */
  wildcard?: boolean;
  globIgnore?: string[];
  list?: boolean | ListOptions;
  allowedPath?: (path: string, root: string, request: FastifyRequest) => boolean;
  /** Look for .br, .gz and .deflate beside a file. Default false. */
  preCompressed?: boolean;
  suppressWarning?: boolean;
  constraints?: RouteOptions['constraints'];
  logLevel?: RouteOptions['logLevel'];
}

/** Roots as absolute paths; empty when there are none. @throws FastifyStaticError for options that cannot be. */
export function checkOptions(fastify: FastifyInstance, options: FastifyStaticOptions): readonly string[] {
  const roots = options.serve !== false || options.root !== undefined ? checkRoots(fastify, options) : [];
  if (options.setHeaders !== undefined && typeof options.setHeaders !== 'function') {
    throw invalidOptionValue('setHeaders', 'must be a function');
  }
  if (options.list && Array.isArray(options.root)) {
    throw new FastifyStaticError('FST_STATIC_MULTIROOT_LIST_CONFLICT', 'multi-root with list option is not supported');
  }
  checkListOptions(options.list);
  if (options.serve !== false && options.wildcard && typeof options.wildcard !== 'boolean') {
    throw invalidOptionValue('wildcard', 'must be a boolean');
  }
  return roots;
}

function checkRoots(fastify: FastifyInstance, options: FastifyStaticOptions): readonly string[] {
  const { root } = options;
  if (root === undefined) throw invalidOption('root', 'is required');
  const asPath = (each: unknown): unknown =>
    each instanceof URL && each.protocol === 'file:' ? fileURLToPath(each) : each;
  const roots = Array.isArray(root) ? root.map(asPath) : [asPath(root)];
  if (roots.length === 0) throw invalidOption('root', 'array requires one or more paths');
  if (new Set(roots).size !== roots.length) throw invalidOption('root', 'array contains duplicate paths');
  for (const each of roots) {
    if (typeof each !== 'string') {
      throw invalidOptionValue(
        'root',
        Array.isArray(root) ? 'must be a string' : 'must be a string or array of strings',
      );
    }
    checkRoot(fastify, each, options.suppressWarning === true);
  }
  return roots as string[];
}

function checkRoot(fastify: FastifyInstance, root: string, quiet: boolean): void {
  if (!isAbsolute(root)) throw invalidOption('root', 'must be an absolute path');
  const stats = statSync(root, { throwIfNoEntry: false });
  if (stats === undefined) {
    if (!quiet) fastify.log.warn(`"root" path "${root}" must exist`);
  } else if (!stats.isDirectory()) {
    throw invalidOption('root', 'must be a directory');
  }
}
