// The host's profile as serve uses it: what `clearway calibrate` measured and stored. A sound default does without it.

import { readFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { coded } from '../text/coded.js';
import type { SendLimits } from '../transport/send-modes.js';

/**
 * Where calibrate stores what it measured: under XDG_CONFIG_HOME, else ~/.config. One that is empty or relative does not count (XDG Base Directory
 * Specification, "Basics"), and so it is with HOME. @throws Error with `code` CLEARWAY_PROFILE for a user without a home
 */
export function profilePath(): string {
  const given = process.env.XDG_CONFIG_HOME ?? '';
  return join(isAbsolute(given) ? given : join(homeOf(), '.config'), 'clearway', 'profile.json');
}

function homeOf(): string {
  try {
    const home = homedir();
    return isAbsolute(home) ? home : userInfo().homedir;
  } catch {
    // As in a container with a user of a number alone.
    throw coded(
      'CLEARWAY_PROFILE',
      new Error('this user has no home: set XDG_CONFIG_HOME to a folder for the profile'),
    );
  }
}

/** The part of the profile that serve uses; what was not measured is left out. */
export interface ServeProfile {
  /** Files up to this size cost less from a frame than by sendfile. */
  readonly inlineBytes?: number;
  /** How pieces of files leave, by their length. */
  readonly pieces?: SendLimits;
}

const isBytes = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** What calibrate stored; nothing when there is none, or it cannot be read. */
export function serveProfile(): ServeProfile {
  try {
    const { serve } = JSON.parse(readFileSync(profilePath(), 'utf8')) as { serve?: Record<string, unknown> };
    const { inlineBytes, messageBelow, sendfileFrom } = serve ?? {};
    return {
      ...(isBytes(inlineBytes) && { inlineBytes }),
      ...(isBytes(messageBelow) && isBytes(sendfileFrom) && { pieces: { messageBelow, sendfileFrom } }),
    };
  } catch {
    return {};
  }
}
