// Writes what the packet-journey model says into the repository: docs/residuals.md, docs/constants.md and docs/scenario.schema.json.
// `node dist/tools/plan-tables.js` writes them; a test of plan/ fails when they are not what the model says.

import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { residualTable } from '../src/plan/answers/residuals.js';
import { constantsTable } from '../src/plan/facts/constants-table.js';
import { scenarioSchema } from '../src/plan/scenario.js';

const docs = fileURLToPath(new URL('../../docs/', import.meta.url));
mkdirSync(docs, { recursive: true });
writeFileSync(`${docs}residuals.md`, residualTable());
writeFileSync(`${docs}constants.md`, constantsTable());
writeFileSync(`${docs}scenario.schema.json`, `${JSON.stringify(scenarioSchema(), null, 2)}\n`);
