// What one process needs once: the loop attached to Node's own, and the tree on it. Where they cannot be had (no
// Linux, a worker thread, no FFI) there is the portable tree, and bodies go as streams.

import { openFilesLimit } from '../kernel/limits.js';
import { serveProfile } from '../serve/profile.js';
import { coded } from '../text/coded.js';
import { type FileCounts, noFileCounts } from '../transport/file-counts.js';
import { Loop } from '../transport/loop.js';
import type { EngineChoice } from '../transport/open-engine.js';
import { PortableTree } from './portable-tree.js';
import { SiteTree } from './site-tree.js';
import type { FileTree } from './tree.js';

/**
 * From memory up to this size, whatever the profile says: that is measured on serve's own sockets, while here a body by
 * sendfile is another descriptor, two more calls and listeners on the response.
 */
const leastInlineBytes = 64 * 1024;
const largestInlineBytes = 1024 * 1024;
const contentBudget = 64 * 1024 * 1024;

/** The loop that this process's transfers share. It keeps the process alive only while there are any. */
export class SharedLoop {
  readonly loop: Loop;
  /** What is counted of the files of all transfers. */
  readonly counts: FileCounts = noFileCounts();
  #transfers = 0;

  /** @throws UnsupportedError or SystemError where there can be none. */
  constructor(engine: EngineChoice) {
    this.loop = new Loop(engine);
    try {
      this.loop.attach();
    } catch (error) {
      this.loop.close();
      throw error;
    }
    this.loop.keepAlive(false);
  }

  /** Transfers under way. */
  get transfers(): number {
    return this.#transfers;
  }

  /** A transfer begins. */
  hold(): void {
    if (this.#transfers++ === 0) this.loop.keepAlive(true);
  }

  /** A transfer ended. */
  letGo(): void {
    if (--this.#transfers === 0) this.loop.keepAlive(false);
  }
}

/** What this process can do. */
export interface Runtime {
  readonly tree: FileTree;
  /** Undefined where bodies go as streams, and why. */
  readonly shared: SharedLoop | undefined;
  readonly reason: string | undefined;
}

let runtime: Runtime | undefined;

/** Finds out once. Never throws. */
export function nodeRuntime(): Runtime {
  runtime ??= start();
  return runtime;
}

function start(): Runtime {
  try {
    const engine = engineChoice();
    const shared = new SharedLoop(engine);
    const inlineBytes = Math.min(Math.max(serveProfile().inlineBytes ?? 0, leastInlineBytes), largestInlineBytes);
    const maxFiles = Math.max(16, Math.min(4096, Math.floor(openFilesLimit() / 8)));
    const tree = new SiteTree(shared.loop, { inlineBytes, budget: contentBudget, maxFiles });
    return { tree, shared, reason: undefined };
  } catch (error) {
    return { tree: new PortableTree(), shared: undefined, reason: (error as Error).message };
  }
}

/** CLEARWAY_ENGINE: `uring`, `epoll`, or `stream` for neither; auto when it is not set. @throws for anything else. */
function engineChoice(): EngineChoice {
  const wanted = process.env.CLEARWAY_ENGINE ?? 'auto';
  if (wanted === 'auto' || wanted === 'uring' || wanted === 'epoll') return wanted;
  if (wanted === 'stream') throw coded('CLEARWAY_OPTION', new Error('CLEARWAY_ENGINE=stream asks for streams'));
  throw coded('CLEARWAY_OPTION', new Error(`CLEARWAY_ENGINE is auto, uring, epoll or stream, not ${wanted}`));
}
