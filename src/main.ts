import { writeSync } from 'node:fs';
import { ACT_AS, ACT_AS_ROOT } from './core/act-as.ts';
import { ignoreNodeVariables, nameProcess } from './system/environment.ts';

/** Refused for safety, as in core/exit.ts, which is not loaded here. */
const REFUSED = 77;

/**
 * The way in, and the only place that sets the exit code. A process that is to act as another user becomes that user
 * before anything else of the product is loaded, and before it reads a byte of its task.
 */
async function main([, , option, ...args]: readonly string[]): Promise<number> {
  if (option !== ACT_AS && option !== ACT_AS_ROOT) return await (await import('./main/agent.ts')).runAgent();
  const { become, remainRoot } = await import('./system/become.ts');
  try {
    (option === ACT_AS ? become : remainRoot)(args);
  } catch (error) {
    writeSync(1, `${JSON.stringify({ refused: error instanceof Error ? error.message : typeof error })}\n`);
    return REFUSED;
  }
  return await (await import('./main/actor.ts')).runActor();
}

nameProcess();
ignoreNodeVariables();

void main(process.argv).then((exitCode) => {
  process.exitCode = exitCode;
});

// When nothing is left to be done, or to be said: the engine would now give back its memory piece by piece, which takes
// longer than to write the sinks.
process.once('beforeExit', () => {
  process.exit();
});
