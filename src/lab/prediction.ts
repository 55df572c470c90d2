// What the performance model says of one experiment: which bytes will be copied, by which rule. The rules of a path are
// asked in its order, and once one has copied what was referenced, there is no reference left for a later one.

import type { Finding, PathDescription } from '../plan/facts/path-rules.js';
import { type PredictPath, predict } from '../plan/packing/predict.js';
import type { SenderName } from './senders.js';

/** The prediction for one experiment, in bytes. */
export interface Predicted {
  /** What the sending call copies, as asked. */
  readonly byTheCall: number;
  /** What is copied on the path by linearising: gathered into the linear part of a buffer. */
  readonly linearised: number;
  /** What is copied on the path to other memory. */
  readonly copied: number;
  /** What the receiver copies to user space. */
  readonly received: number;
  readonly rules: readonly Pick<Finding, 'kind' | 'bytes' | 'rule' | 'why' | 'avoid'>[];
}

const wayOf: Readonly<Record<SenderName, PredictPath['way']>> = {
  write: 'copy',
  sendfile: 'sendfile',
  splice: 'sendfile',
  zerocopy: 'zerocopy',
  send_zc: 'send_zc',
};

/** Predicts an experiment: `bytes` sent by `sender` over a veth pair whose path is as described. */
export function predictExperiment(sender: SenderName, path: PathDescription, bytes: number): Predicted {
  const layout = [{ bytes, pageOffset: 0 }];
  const prediction = predict(layout, { mtu: 1500, ...path, way: wayOf[sender], local: 'veth' });
  const rules = prediction.findings.filter((one) => one.kind !== 'expand');
  const sum = (kind: Finding['kind']) => rules.reduce((total, one) => total + (one.kind === kind ? one.bytes : 0), 0);
  return {
    byTheCall: prediction.copiedByTheCall,
    linearised: sum('linearise'),
    copied: sum('copy'),
    received: bytes,
    rules,
  };
}
