import type { Finding } from '../core/findings.ts';
import { type Facts } from './contract.ts';
import { judgeEnvironment } from './environment.ts';
import { judgeMachine } from './machine.ts';
import { judgeMetadata } from './metadata.ts';
import { judgeProfile } from './profiles.ts';
import { judgePrograms } from './programs.ts';
import { judgeSink } from './sinks.ts';
import { judgeUnit } from './units.ts';

/** What is wrong, or will be, with what was seen at `now` (epoch milliseconds). */
export function diagnose(facts: Facts, now: number): readonly Finding[] {
  const found = [
    ...judgeMetadata(facts.metadata, now),
    ...judgeMachine(facts),
    ...facts.sinks.flatMap((sink) => [...judgeSink(sink), ...judgeProfile(sink)]),
    ...facts.consumers.flatMap((consumer) => [
      ...judgeUnit(consumer),
      ...judgeEnvironment(consumer),
      ...judgePrograms(consumer),
    ]),
  ];
  return found;
}
