import { findingOf } from '../core/findings.ts';
import { exitCodeOfError } from '../core/exit.ts';
import { sourceTime } from '../core/clock-skew.ts';
import { shellWord } from '../core/shell-word.ts';
import { named, type SinkKey } from '../core/sink-id.ts';
import { everywhere, type Context, type Judged } from './assess-contract.ts';
import type { SinkStatus } from './status.ts';
import { duration } from './text.ts';

/** A sink of which nothing good is known is not up to date. */
export function judgeSinks(context: Context): readonly Judged[] {
  return [...named(context.status.sinks).flatMap((sink) => judgeSink(sink, context)), ...judgeLeft(context)];
}

type Named = SinkStatus & { readonly name: string };

function judgeSink(sink: Named, { host, left }: Context): readonly Judged[] {
  const { name, result, error, since } = sink;
  // Without any credentials that is said once, for all of them.
  if (!error && (result !== 'unknown' || left === undefined)) return sink.isUnreachable ? [unreachable(sink)] : [];
  const found = error ?? { code: 'SINK_OUTDATED', message: 'the last pass did not look at it' };
  const finding = findingOf('sink-refused', { subject: name, problem: 'not up to date' }, found);
  const judged = {
    ...finding,
    ...(since !== undefined && { since }),
    exits: everywhere(exitCodeOfError(found.code)),
  };
  if (found.code !== 'SINK_OUTDATED') return [judged];
  const text = error ? 'it is written as soon as the source gives credentials; have a pass made' : 'have a pass made';
  return [{ ...judged, id: 'sink-outdated', remedy: { text, line: host.pass } }];
}

/** It is as configured, and of no use to them. */
function unreachable({ name, warnings, writtenAt }: Named): Judged {
  return {
    id: 'sink-unreachable',
    severity: 'warning',
    subject: name,
    problem: 'its owner or group cannot reach it',
    ...(writtenAt !== undefined && { since: writtenAt }),
    evidence: warnings,
    remedy: { text: 'open the directories on the way to them, or have the file belong to others' },
    exits: {},
  };
}

/** Files that were sinks once: nobody keeps or watches what is in them. */
function judgeLeft({ status: { sinks, left = [], source, agent }, keeper, now }: Context): readonly Judged[] {
  const names = named<SinkKey>([...sinks, ...left]).slice(sinks.length);
  return left.map((one, index): Judged => {
    const name = names[index]?.name ?? one.path;
    const life = Date.parse(one.expiration) - sourceTime(now, source.clockSkew);
    const sudo = agent.uid === 0 ? 'sudo ' : '';
    const forget = `${sudo}credrotate forget ${shellWord(name)}`;
    return {
      id: 'file-left',
      severity: life > 0 ? 'warning' : 'note',
      subject: name,
      problem: `no sink any more, and holds credentials that ${life > 0 ? 'live' : 'have expired'}`,
      evidence: [`key ${one.keyId}, ${life > 0 ? 'good for' : 'expired for'} ${duration(life)}`],
      remedy: {
        text: `take them out${keeper.by === 'agent' ? ', while the agent is stopped' : ''}, or let the file go with --keep`,
        line: forget,
      },
      exits: {},
    };
  });
}
