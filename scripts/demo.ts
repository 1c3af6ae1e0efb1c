/** `npm run demo`: builds the executable and has it show itself. */
import { spawnSync } from 'node:child_process';
import { build } from './build.ts';

const executable = await build();
process.exitCode = spawnSync(executable, ['demo'], { stdio: 'inherit' }).status ?? 1;
