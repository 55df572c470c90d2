// Will it be copied? A payload layout and a path go in; out come the places where the payload is made linear, copied or cut, how many bytes,
// by which kernel function, and what to change. Super-packets are formed as the kernel forms them, then every rule is asked.

import { type DriverPacket, driverVerdict } from '../facts/drivers.js';
import type { NicId } from '../facts/nics.js';
import { type Finding, harmlessRules, type PathDescription, type PathFacts, pathRules } from '../facts/path-rules.js';
import { maximumSegment } from '../stages/ethernet.js';
import { kernelSupers, type Layout, layoutBytes, type Piece } from './layout.js';

export interface PredictPath extends PathDescription {
  way: 'copy' | 'gather' | 'sendfile' | 'zerocopy' | 'send_zc' | 'send_zc_fixed';
  protocol?: 'tcp' | 'udp';
  ip?: 4 | 6;
  nic?: NicId;
  /** Largest super-packet in bytes. */
  gsoMax?: number;
  maxFrags?: number;
  page?: number;
}

export interface Prediction {
  /** Bytes of the message. */
  bytes: number;
  /** What the call itself copies (ways that copy by design). */
  copiedByTheCall: number;
  /** Copies nobody asked for, each with its rule. */
  findings: Finding[];
  /** Bytes copied in all over bytes of the message. */
  amplification: number;
  /** Super-packets the kernel makes of it, and their fragments; of a message of equal pieces those of its first 4 MiB. */
  supers: { bytes: number; fragments: number }[];
  harmless: string[];
  sentence: string;
}

/** Bytes that are looked at super-packet by super-packet when the message repeats itself. */
const lookedAtBytes = 4 * 2 ** 20;

/** The beginning of a layout of equal pieces, which stands for all of it; a layout of unequal ones is looked at whole. */
function repeating(layout: Layout): Layout {
  const first = layout[0]?.bytes ?? 0;
  const equal = layout.every((piece, index) => piece.bytes === first || index === layout.length - 1);
  if (!equal || layoutBytes(layout) <= lookedAtBytes) return layout;
  const pieces = Math.ceil(lookedAtBytes / first);
  return pieces > 1 ? layout.slice(0, pieces) : [{ bytes: lookedAtBytes, pageOffset: layout[0]!.pageOffset }];
}

const headerBytes = 66;
const copiedFragment = 32_768;

/** Fragments as the way makes them: references cut at pages, copies in blocks of 32 KiB. */
function formSupers(layout: Layout, path: PredictPath): Piece[][] {
  const reference = path.way !== 'copy' && path.way !== 'gather';
  const limit = (path.gsoMax ?? 65_536) - headerBytes;
  if (reference) return kernelSupers(layout, path.page ?? 4096, path.maxFrags ?? 17, limit);
  return kernelSupers([{ bytes: layoutBytes(layout), pageOffset: 0 }], copiedFragment, path.maxFrags ?? 17, limit);
}

function driverFindings(supers: readonly Piece[][], path: PredictPath): Finding[] {
  const { nic } = path;
  if (nic === undefined || path.local !== undefined) return [];
  const protocol = path.protocol ?? 'tcp';
  const gsoSize = path.tso === false ? 0 : maximumSegment(path.mtu ?? 1500, { protocol, ip: path.ip ?? 4 });
  const byRule = new Map<string, Finding>();
  for (const fragments of supers) {
    const packet: DriverPacket = { fragments, linearBytes: headerBytes, gsoSize };
    const verdict = driverVerdict(nic, packet);
    if (!verdict.copies) continue;
    const known = byRule.get(verdict.rule);
    const bytes = layoutBytes(fragments) + (known?.bytes ?? 0);
    byRule.set(verdict.rule, {
      kind: 'linearise',
      bytes,
      rule: verdict.rule,
      source: verdict.source,
      why: verdict.why,
      avoid: verdict.avoid,
    });
  }
  return [...byRule.values()];
}

/**
 * Predicts the copies of one message. `layout`: the pieces of memory or file it consists of, in bytes. `path`: the way it is sent and what
 * lies on its way; what is left out is taken to be absent, device features to be present.
 */
export function predict(layout: Layout, path: PredictPath): Prediction {
  const bytes = layoutBytes(layout);
  const userPages = path.way === 'zerocopy' || path.way === 'send_zc' || path.way === 'send_zc_fixed';
  const references = userPages || path.way === 'sendfile';
  let facts: PathFacts = { bytes, protocol: path.protocol ?? 'tcp', references, userPages };
  const findings: Finding[] = [];
  for (const rule of pathRules) {
    const copied = rule.bytes(path, facts);
    if (copied > 0) {
      findings.push({
        kind: rule.kind,
        bytes: copied,
        rule: rule.rule,
        source: rule.source,
        why: rule.why,
        avoid: rule.avoid,
      });
      if (rule.endsReference) facts = { ...facts, references: false, userPages: false };
    }
  }
  const beginning = repeating(layout);
  const supers = formSupers(beginning, path);
  const times = bytes > 0 ? bytes / layoutBytes(beginning) : 1;
  for (const one of driverFindings(supers, path)) findings.push({ ...one, bytes: Math.round(one.bytes * times) });
  const copiedByTheCall = references ? 0 : bytes * (path.way === 'copy' && layout.length > 1 ? 2 : 1);
  const copied = findings.filter((one) => one.kind !== 'expand').reduce((sum, one) => sum + one.bytes, copiedByTheCall);
  return {
    bytes,
    copiedByTheCall,
    findings,
    amplification: bytes > 0 ? copied / bytes : 0,
    supers: supers.map((fragments) => ({ bytes: layoutBytes(fragments), fragments: fragments.length })),
    harmless: harmlessRules(path),
    sentence: sentenceOf(findings, copiedByTheCall, bytes),
  };
}

function sentenceOf(findings: readonly Finding[], byCall: number, bytes: number): string {
  const first = findings[0];
  if (first)
    return `${first.kind === 'expand' ? 'It will be cut' : 'It will be copied'}: ${first.why} (${first.rule}).`;
  if (byCall > bytes)
    return 'The call copies it twice: assembled in user space, then into the kernel. Gather it instead.';
  return byCall > 0
    ? 'The call copies it once, as asked; nothing else does.'
    : 'No byte is copied on the way to the device.';
}
