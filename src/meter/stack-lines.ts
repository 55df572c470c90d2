// Kernel stacks in words: who reverted and linearised, for the report and for `why`; and what each tier cannot show of it.

import { formatBytes } from '../text/units.js';
import { causes, type Tier } from './accounts/causes.js';
import type { Blame } from './functions/stacks.js';
import type { Scope } from './scope.js';

/** What stacks do not show, in sentences. @param hidden where the kernel hides its symbols */
export function stackNotes(tier: Tier, scope: Scope, hidden: boolean): string[] {
  const seen =
    tier === 'tracepoints'
      ? 'stacks of reverted zero-copy only: they end right before the copy (net:netif_receive_skb); where a buffer is linearised there is no tracepoint'
      : 'stacks of reverted zero-copy and of linearised buffers, at the functions that copy';
  const symbols =
    'kernel symbols are hidden, so stacks are addresses: sysctl kernel.kptr_restrict=1 shows the names to root';
  const whose = scope.kind === 'all' ? '' : '; of what is metered, so what belongs to nobody known is left out';
  return [`${seen}${whose}`, ...(hidden ? [symbols] : [])];
}

/**
 * One stack on a line, the innermost function first; the system call's own machinery at its end is left out, and of more than
 * `most` functions the middle: who copied and who called are what is asked for.
 */
export function stackText({ stack }: Pick<Blame, 'stack'>, most = 24): string {
  const end = stack.findIndex((name) => /^(do_syscall_64|entry_SYSCALL|el0_svc|invoke_syscall)/.test(name));
  const whole = end < 0 ? stack : stack.slice(0, end);
  if (whole.length === 0) return 'a stack that is gone: there were more than the map holds';
  const shown = whole.length <= most ? whole : [...whole.slice(0, most - 3), '...', ...whole.slice(-2)];
  return shown.join(' <- ');
}

/** The stacks with the most bytes, as a section of the report. */
export function stackSection(stacks: readonly Blame[], notes: readonly string[], most = 10): string {
  const lines = stacks
    .slice(0, most)
    .flatMap((blame) => [
      `  ${causes[blame.cause].words}: ${formatBytes(blame.bytes)}, ${blame.events} times`,
      `    ${stackText(blame)}`,
    ]);
  const none = ['  nothing was seen'];
  return `${['Who did it (kernel stacks, innermost first):', ...(lines.length > 0 ? lines : none), ...notes.map((note) => `  - ${note}`)].join('\n')}\n`;
}
