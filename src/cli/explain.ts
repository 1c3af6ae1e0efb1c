import type { Command } from 'commander';
import { didYouMean } from '../config/problem.ts';
import { AgentError } from '../core/errors.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import type { Run, World } from '../agent/world.ts';

export function addExplain(program: Command, run: Run): void {
  program
    .command('explain')
    .argument('[code]', 'such as SINK_UNSAFE_PATH, 77 or hop-limit')
    .summary('say what an error, an exit code or a finding means')
    .description(
      'Explain an error code, an exit code or the id of a finding: causes and remedies. Without one, list them all.',
    )
    .action((code: string | undefined) => run((world) => explain(world, code)));
}

async function explain(world: World, code: string | undefined): Promise<ExitCode> {
  const { CODES, explainCode, listCodes } = await import('../explain/explain.ts');
  const text = code === undefined ? listCodes() : explainCode(code);
  if (text === undefined) throw unknown(code ?? '', CODES);
  world.print(text);
  return EXIT.done;
}

function unknown(code: string, known: readonly string[]): AgentError {
  const expected = 'an error code, an exit code or the id of a finding';
  return new AgentError('USAGE', `explain: expected ${expected}, got ${JSON.stringify(code)}`, {
    hint: didYouMean(code, known) ?? 'credrotate explain lists them',
  });
}
