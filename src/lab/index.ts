// The laboratory: what the command line uses of this folder. See docs/lab.md.

export { LabError, removeStale } from './namespaces.js';
export { closingLines, jsonExperiment, tableHead, tableLines } from './report.js';
export { type Experiment, Lab, type LabPlan } from './run.js';
export { type SenderName, senders } from './senders.js';
export { treatments } from './treatments.js';
export { judge } from './verdict.js';
