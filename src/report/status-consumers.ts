import { errorLines, labelled, paragraph, type Label, type Look } from './layout.ts';
import type { ConsumerStatus } from './status.ts';
import { duration, relative } from './text.ts';

/** A consumer for people; `generation` is the rotation that its files are of. */
export function consumerBlock(consumer: ConsumerStatus, generation: number, look: Look): string[] {
  return [
    ...labelled(standing(consumer), `${consumer.name} (${consumer.type})`, look),
    ...paragraph(knowledge(consumer, generation, look.now), look, 'dim'),
    ...staleLines(consumer, look),
    ...(consumer.deaf ? deafLines(look) : []),
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
  const parts = [
    known ? `knows rotation ${known.generation}, since ${relative(Date.parse(known.at), now)}` : 'was never told',
    ...(detail === undefined || result === 'pending' ? [] : [detail]),
    ...(owedSince === undefined
      ? []
      : [`is owed rotation ${generation}, for ${duration(now - Date.parse(owedSince))}`]),
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

function deafLines(look: Look): string[] {
  return [
    ...paragraph('deaf: nobody has read its files since it was told', look, 'yellow'),
    ...paragraph('hint: see whether it reads them again when told; one that never does needs a restart', look),
  ];
}
