// The public face of the model: plan a scenario, predict copies, pack a message, simulate. Pure: it runs in a browser as well as in Node.

export { type Answer, type AnswerOptions, answer } from './answers/answer.js';
export { type Bound, boundOf, processorNs } from './answers/bound.js';
export { breakEven, breakEvens, coalescingThreshold } from './answers/breakeven.js';
export { explanation, report } from './answers/report.js';
export { type SimulationOptions, type SimulationResult, simulate } from './answers/simulate.js';
export { type Timeline, timelineOf } from './answers/timeline.js';
export { type Constant, type ConstantId, constants } from './facts/constants.js';
export { type DriverPacket, driverVerdict } from './facts/drivers.js';
export { type Host, hosts } from './facts/hosts.js';
export { nics } from './facts/nics.js';
export { type PathDescription, pathRules } from './facts/path-rules.js';
export { atPages, type Layout, layoutOf, type Piece } from './packing/layout.js';
export { type PackLimits, type PackResult, pack } from './packing/pack.js';
export { type Prediction, type PredictPath, predict } from './packing/predict.js';
export { defaultScenario, readScenario, type Scenario, scenarioSchema } from './scenario.js';
export { buildJourney, type Journey } from './stages/journey.js';
