import { errorLines, labelled, paragraph, type Label, type Look } from './layout.ts';
import type { ConsumerStatus, Status } from './status.ts';
import { duration } from './text.ts';

/** How much somebody has to do about it: less comes first. */
export function urgencyOfConsumer({ result, deaf }: ConsumerStatus): number {
  if (result === 'pending') return 0;
  return deaf ? 1 : 2;
}

/** A consumer for people, of this status. */
export function consumerBlock(consumer: ConsumerStatus, { generation, agent }: Status, look: Look): string[] {
  return [
    ...labelled(standing(consumer), `${consumer.name} (${consumer.type})`, look),
    ...paragraph(knowledge(consumer, generation, look.now), look, 'dim'),
    ...staleLines(consumer, look),
    ...(consumer.deaf ? deafLines(consumer.name, agent.mode, look) : []),
    ...(consumer.error ? errorLines(consumer.error, look) : []),
  ];
}

function standing({ result, deaf, known }: ConsumerStatus): Label {
  if (result === 'pending') return { text: '  pending', style: 'yellow' };
  if (deaf) return { text: '  deaf', style: 'yellow' };
  const word = result ?? known?.by ?? 'idle';
  return { text: `  ${word}`, style: word === 'told' || word === 'fresh' ? 'green' : 'dim' };
}

function knowledge({ known, result, owedSince, detail }: ConsumerStatus, generation: number, now: number): string {
  const since = (time: string): string => duration(now - Date.parse(time));
  const left = known && result === 'waiting' ? `, good for ${since(known.expiration)} more` : '';
  const parts = [
    known ? `has known rotation ${known.generation} for ${since(known.at)}${left}` : 'was never told',
    ...(detail === undefined || result === 'pending' ? [] : [detail]),
    ...(owedSince === undefined ? [] : [`is owed rotation ${generation}, for ${since(owedSince)}`]),
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

/** After a one-shot there is no agent to tell it again. */
function deafLines(name: string, mode: Status['agent']['mode'], look: Look): string[] {
  const trial =
    mode === 'run'
      ? `credrotate refresh --tell ${name}, and look again in a minute`
      : 'see whether it reads them when told next';
  return [
    ...paragraph('deaf: nobody has read its files since it was told', look, 'yellow'),
    ...paragraph(`hint: ${trial}; one that never reads needs a restart`, look),
  ];
}
