import { named } from '../core/sink-id.ts';
import { EXIT, exitCodeOfError } from '../core/exit.ts';
import { everywhere, type Context, type Judged } from './assess-contract.ts';
import type { SinkStatus } from './status.ts';

/** A sink of which nothing good is known is not up to date. */
export function judgeSinks(context: Context): readonly Judged[] {
  return named(context.status.sinks).flatMap((sink) => judgeSink(sink, context));
}

function judgeSink(sink: SinkStatus & { readonly name: string }, { host, left }: Context): readonly Judged[] {
  const { name: subject, result, error, since } = sink;
  const common = {
    severity: 'error',
    subject,
    problem: 'not up to date',
    ...(since !== undefined && { since }),
  } as const;
  if (error?.code === 'SINK_OUTDATED') {
    const { message, code } = error;
    const remedy = { text: 'it is written as soon as the source gives credentials; have a pass made', line: host.pass };
    return [
      {
        ...common,
        id: 'sink-outdated',
        evidence: [`${code}: ${message}`],
        remedy,
        exits: everywhere(EXIT.unreachable),
      },
    ];
  }
  if (error) {
    const { code, message, hint } = error;
    const remedy = hint === undefined ? { text: 'look it up', line: `credrotate explain ${code}` } : { text: hint };
    const exits = everywhere(exitCodeOfError(code));
    return [{ ...common, id: 'sink-refused', evidence: [`${code}: ${message}`], remedy, exits }];
  }
  // Without any credentials that is said once, for all of them.
  if (result !== 'unknown' || left === undefined) return [];
  const remedy = { text: 'have a pass made', line: host.pass };
  return [
    {
      ...common,
      id: 'sink-outdated',
      evidence: ['the last pass did not look at it'],
      remedy,
      exits: everywhere(EXIT.unreachable),
    },
  ];
}
