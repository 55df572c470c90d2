// The public face of the model: plan a scenario, predict copies, pack a message, simulate. Pure: it runs in a browser as well as in Node.

export { type Answer, type AnswerOptions, answer } from './answer.js';
export { type Bound, boundOf, processorNs } from './bound.js';
export { breakEven, breakEvens, coalescingThreshold } from './breakeven.js';
export { type Constant, type ConstantId, constants } from './constants.js';
export { type DriverPacket, driverVerdict } from './drivers.js';
export { type Host, hosts } from './hosts.js';
export { buildJourney, type Journey } from './journey.js';
export { atPages, type Layout, layoutOf, type Piece } from './layout.js';
export { nics } from './nics.js';
export { type PackLimits, type PackResult, pack } from './pack.js';
export { type PathDescription, pathRules } from './path-rules.js';
export { type Prediction, type PredictPath, predict } from './predict.js';
export { explanation, report } from './report.js';
export { defaultScenario, readScenario, type Scenario, scenarioSchema } from './scenario.js';
export { type SimulationOptions, type SimulationResult, simulate } from './simulate.js';
export { type Timeline, timelineOf } from './timeline.js';
