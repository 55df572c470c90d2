// The options that the commands that offer devices have in common (disk, net), beside where front ends come from (front-end-places.ts). Not here:
// offering (devices.ts).

import { totalmem } from 'node:os';
import type { EngineChoice } from '../../transport/open-engine.js';
import { UsageError } from './usage.js';
import { byteSize, oneOf } from './values.js';

/** The options, for `parseFlags`. */
export const deviceFlags = {
  memory: { type: 'string' },
  'max-memory': { type: 'string' },
  metrics: { type: 'string' },
  dashboard: { type: 'string' },
  live: { type: 'boolean' },
  engine: { type: 'string' },
  // As every back end of vhost-user has to (QEMU, docs/interop/vhost-user.rst, "Backend program conventions").
  'print-capabilities': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Their lines of a help text, --help's left out. */
export const deviceHelp = `  --memory any       also accept guest memory that may lose pages (it may become shorter, or is of huge pages):
                     a touch of what is gone ends this process
  --max-memory SIZE  most memory of a guest, such as 64g (what this host has)
  --metrics HOST:PORT serve Prometheus metrics there, at /metrics (none)
  --dashboard [HOST:PORT] a live page of what happens (127.0.0.1, any free port); beyond loopback it asks for a token
  --live             show on one screen what happens, each second
  --engine NAME      auto, uring or epoll (auto: io_uring where the host allows it)
  --print-capabilities print what kind of device it is, as JSON, for libvirt and its like
`;

interface Values {
  readonly memory?: string | undefined;
  readonly 'max-memory'?: string | undefined;
  readonly metrics?: string | undefined;
  readonly dashboard?: string | undefined;
  readonly live?: boolean | undefined;
  readonly engine?: string | undefined;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** What was asked for. */
export interface DeviceOptions {
  readonly memory: { readonly any: boolean; readonly mostBytes: number };
  readonly metrics: Address | undefined;
  readonly dashboard: Address | undefined;
  readonly live: boolean;
  readonly engine: EngineChoice;
}

/** The parser is loaded only where there is something to be parsed. */
async function addressOf(name: string, value: string | undefined): Promise<Address | undefined> {
  if (value === undefined) return undefined;
  const { OptionError, parseHostPort } = await import('../../serve/options.js');
  try {
    return parseHostPort(name, value);
  } catch (error) {
    throw error instanceof OptionError ? new UsageError(`--${error.message}`) : error;
  }
}

/** Reads them. @throws UsageError */
export async function deviceOptions(values: Values): Promise<DeviceOptions> {
  const { memory, metrics, dashboard, live, engine } = values;
  return {
    memory: {
      any: oneOf('memory', memory, ['any']) !== undefined,
      mostBytes: byteSize('max-memory', values['max-memory'], totalmem()),
    },
    metrics: await addressOf('metrics', metrics),
    dashboard: await addressOf('dashboard', dashboard),
    live: live === true,
    engine: oneOf('engine', engine, ['auto', 'epoll', 'uring']) ?? 'auto',
  };
}
