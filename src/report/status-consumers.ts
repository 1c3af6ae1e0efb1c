import { labelled, paragraph, type Label, type Look } from './layout.ts';
import type { ConsumerStatus, Status } from './status.ts';
import { duration } from './text.ts';

/** How much somebody has to do about it: less comes first. */
export function urgencyOfConsumer({ result, notReading }: ConsumerStatus): number {
  if (result === 'pending' || result === 'ended') return 0;
  return notReading ? 1 : 2;
}

/** A consumer for people, of this status. */
export function consumerBlock(
  consumer: ConsumerStatus,
  { generation }: Pick<Status, 'generation'>,
  look: Look,
): string[] {
  return [
    ...labelled(standing(consumer), `${consumer.name} (${consumer.type})`, look),
    ...paragraph(knowledge(consumer, generation, look.now), look, 'dim'),
    ...staleLines(consumer, look),
  ];
}

function standing({ result, notReading, known }: ConsumerStatus): Label {
  if (result === 'ended') return { text: '  ended', style: 'red' };
  if (result === 'pending') return { text: '  pending', style: 'yellow' };
  if (notReading) return { text: '  not_reading', style: 'yellow' };
  const word = result ?? known?.by ?? 'never_notified';
  return { text: `  ${word}`, style: word === 'notified' || word === 'started_since' ? 'green' : 'dim' };
}

function knowledge(
  { known, result, pendingSince, detail, dueAt }: ConsumerStatus,
  generation: number,
  now: number,
): string {
  const since = (time: string): string => duration(now - Date.parse(time));
  const left = known && result === 'scheduled' ? `, good for ${since(known.expiration)} more` : '';
  const parts = [
    known ? `has known rotation ${known.generation} for ${since(known.at)}${left}` : 'was never notified',
    ...(detail === undefined || result === 'pending' ? [] : [detail]),
    ...(dueAt === undefined ? [] : [`to be notified in ${duration(Date.parse(dueAt) - now)}`]),
    ...(pendingSince === undefined
      ? []
      : [`notification of rotation ${generation} pending, for ${since(pendingSince)}`]),
  ];
  return parts.join('; ');
}

/** Of many processes the first few are named. */
const NAMED = 4;

function staleLines({ stale = [] }: ConsumerStatus, look: Look): string[] {
  if (stale.length === 0) return [];
  const named = stale
    .slice(0, NAMED)
    .map(({ pid, startedAt }) => `pid ${pid}, running for ${duration(look.now - Date.parse(startedAt))}`);
  const more = stale.length > NAMED ? [`${stale.length - NAMED} more`] : [];
  return paragraph(`stale: ${[...named, ...more].join('; ')}`, look, 'yellow');
}
