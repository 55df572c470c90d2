// The Fastify plugin, with the options and decorators of @fastify/static. Payloads are streams to Fastify, so that hooks see
// what they are used to; piped into a plain response they leave by sendfile or from memory.

import { posix } from 'node:path';
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import * as errors from './fastify-errors.js';
import { checkOptions, type FastifySendOptions, type FastifyStaticOptions } from './fastify-options.js';
import { attachment, pathBehindPrefix, prefixMatcher, withTrailingSlash } from './fastify-paths.js';
import { FileSender } from './fastify-sender.js';
import { walkFiles } from './file-walk.js';
import { HttpError } from './http-error.js';

export type { FastifySendOptions, FastifyStaticOptions } from './fastify-options.js';
export { errors };

declare module 'fastify' {
  interface FastifyReply {
    sendFile(filename: string, rootPath?: string | FastifySendOptions, options?: FastifySendOptions): FastifyReply;
    download(filepath: string, filename?: string | FastifySendOptions, options?: FastifySendOptions): FastifyReply;
  }
}

/** Registers routes for files, and `reply.sendFile` and `reply.download`. @throws FastifyStaticError for bad options. */
export const fastifyStatic: FastifyPluginAsync<FastifyStaticOptions> = async (fastify, options) => {
  const roots = checkOptions(fastify, options);
  const asked = options.prefix ?? '/';
  const prefix = options.prefixAvoidTrailingSlash || asked.endsWith('/') ? asked : `${asked}/`;
  const sender = new FileSender(roots, prefix, options);
  if (options.decorateReply !== false) decorate(fastify, sender);
  if (options.serve === false) return;
  const route = {
    constraints: options.constraints,
    schema: { hide: options.schemaHide ?? true },
    logLevel: options.logLevel,
    errorHandler: passError(fastify),
  } as Partial<RouteOptions>;
  if (options.wildcard === false) {
    await addFileRoutes(fastify, sender, roots, prefix, route, options);
    return;
  }
  addWildcardRoute(fastify, sender, prefix, route);
  if (options.redirect === true && prefix !== asked) {
    fastify.get(asked, route as RouteOptions, (request, reply) => {
      return reply.redirect(withTrailingSlash(request.raw.url!), 301);
    });
  }
};

function decorate(fastify: FastifyInstance, sender: FileSender): void {
  fastify.decorateReply('sendFile', function (this: FastifyReply, path, rootPath, options) {
    const given = typeof rootPath === 'object' ? rootPath : options;
    const root = typeof rootPath === 'string' ? rootPath : given?.root;
    sender.start(this.request, this, path, root === undefined ? undefined : [root].flat(), given);
    return this;
  });
  fastify.decorateReply('download', function (this: FastifyReply, path, filename, options) {
    const { root, ...given } = (typeof filename === 'object' ? filename : options) ?? {};
    this.header('content-disposition', attachment(typeof filename === 'string' ? filename : path));
    sender.start(this.request, this, path, root === undefined ? undefined : [root].flat(), given);
    return this;
  });
}

/** A body that ended too early can be answered with nothing: the connection goes. The rest is the application's. */
function passError(fastify: FastifyInstance): RouteOptions['errorHandler'] {
  return (error, request, reply) => {
    if ((error as { code?: string } | undefined)?.code === 'ERR_STREAM_PREMATURE_CLOSE') {
      request.raw.destroy();
      return;
    }
    return fastify.errorHandler(error, request, reply);
  };
}

function addWildcardRoute(
  fastify: FastifyInstance,
  sender: FileSender,
  prefix: string,
  route: Partial<RouteOptions>,
): void {
  let match: ((target: string) => number) | undefined;
  fastify.route({
    ...route,
    method: ['HEAD', 'GET'],
    url: `${prefix}*`,
    handler(request, reply) {
      match ??= prefixMatcher(request.routeOptions.url!);
      const path = pathBehindPrefix(request.raw.url!, match);
      if (path === 'climbs') reply.send(new HttpError(403));
      else if (path === undefined) reply.callNotFound();
      else sender.start(request, reply, path);
    },
  });
}

/** A route for each file that is there now, and for each directory with an index; the first root that has it wins. */
async function addFileRoutes(
  fastify: FastifyInstance,
  sender: FileSender,
  roots: readonly string[],
  prefix: string,
  route: Partial<RouteOptions>,
  options: FastifyStaticOptions,
): Promise<void> {
  const indexes = options.index === undefined ? ['index.html'] : [options.index || []].flat();
  const seen = new Set<string>();
  const directories = new Map<string, string>();
  const add = (url: string, path: string, root: string): void => {
    const handler = (request: FastifyRequest, reply: FastifyReply): void => sender.start(request, reply, path, [root]);
    fastify.route({ ...route, method: ['HEAD', 'GET'], url, handler });
  };
  for (const root of roots) {
    for (const file of await walkFiles(root, options.serveDotFiles === true, options.globIgnore ?? [])) {
      const url = prefix + file;
      if (seen.has(url)) continue;
      seen.add(url);
      add(url, `/${file}`, root);
      const directory = posix.dirname(url);
      if (indexes.includes(posix.basename(url)) && !directories.has(directory)) directories.set(directory, root);
    }
  }
  for (const [directory, root] of directories) {
    const url = directory.endsWith('/') ? directory : `${directory}/`;
    const path = `/${url.replace(prefix, '')}`;
    add(url, path, root);
    if (options.redirect === true && url !== '/') add(url.slice(0, -1), path.slice(0, -1), root);
  }
}

// What fastify-plugin marks: decorators belong to the instance that registers, and the versions that will do. The name is
// the one that plugins which build on these decorators ask for.
Object.assign(fastifyStatic, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'clearway/fastify',
  [Symbol.for('plugin-meta')]: { fastify: '5.x', name: '@fastify/static' },
});

export default fastifyStatic;
