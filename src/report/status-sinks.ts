import { labelled, paragraph, warningLines, type Label, type Look } from './layout.ts';
import type { SinkStatus } from './status.ts';
import { duration, relative } from './text.ts';

/** How much somebody has to do about it: less comes first. */
export function urgencyOfSink({ result, error }: SinkStatus): number {
  if (error) return 0;
  return result === 'unknown' ? 1 : 2;
}

/** A sink for people, as the last pass left it at `seenAt`. */
export function sinkBlock(sink: SinkStatus & { readonly name: string }, seenAt: number, look: Look): string[] {
  const age =
    sink.writtenAt === undefined ? 'not written' : `written ${relative(Date.parse(sink.writtenAt), look.now)}`;
  return [
    ...labelled(standing(sink), sink.name, look),
    ...paragraph([sink.format, age, ...reads(sink, seenAt)].join(', '), look, 'dim'),
    ...warningLines(sink.warnings, look),
  ];
}

function standing({ result, error }: SinkStatus): Label {
  if (error) return { text: `  ${result}`, style: 'red' };
  return result === 'unknown' ? { text: '  unknown', style: 'yellow' } : { text: '  ok', style: 'green' };
}

function reads({ result, evidence }: SinkStatus, seenAt: number): string[] {
  if (!evidence) return result === 'written' || result === 'repaired' ? ['reads show from the next pass on'] : [];
  const writtenAt = Date.parse(evidence.writtenAt);
  if (evidence.readAt !== undefined)
    return [`read ${duration(Date.parse(evidence.readAt) - writtenAt)} after it was written`];
  if (evidence.kind === 'unread') return [`not read since, ${duration(seenAt - writtenAt)}`];
  const { untraced } = evidence;
  const why = untraced ? `reads of ${untraced.join(', ')} leave no trace` : 'its mount notes no reads';
  return [`whether it was read cannot be known: ${why}`];
}
