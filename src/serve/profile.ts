// The host's profile as serve uses it: what `clearway calibrate` measured and stored. A sound default does without it.

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where calibrate stores what it measured: under XDG_CONFIG_HOME, else ~/.config. */
export function profilePath(): string {
  return join(process.env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'clearway', 'profile.json');
}

/** The part of the profile that serve uses. */
export interface ServeProfile {
  /** Files up to this size cost less from a frame than by sendfile. */
  readonly inlineBytes: number;
}

/** What calibrate stored; undefined when there is nothing, or it cannot be read. */
export function serveProfile(): ServeProfile | undefined {
  try {
    const profile = JSON.parse(readFileSync(profilePath(), 'utf8')) as { serve?: { inlineBytes?: unknown } };
    const inlineBytes = profile.serve?.inlineBytes;
    if (typeof inlineBytes !== 'number' || !Number.isInteger(inlineBytes) || inlineBytes < 0) return undefined;
    return { inlineBytes };
  } catch {
    return undefined;
  }
}
