// Every property of whatever is parsed or written, with many more cases than for each change.
import { RUNS_VARIABLE } from '../support/runs.ts';

process.env[RUNS_VARIABLE] ??= '20';
await import('../config/fuzz.test.ts');
await import('../faults/anything.test.ts');
await import('../sinks/acting/answer.test.ts');
await import('../sinks/formats/aws-readers.test.ts');
await import('../sinks/formats/dotenv-readers.test.ts');
await import('../sinks/formats/export.test.ts');
await import('../sinks/formats/forget-anything.test.ts');
await import('../sinks/formats/json-keys.test.ts');
await import('../sinks/formats/json-scan.test.ts');
await import('../sinks/formats/render.test.ts');
