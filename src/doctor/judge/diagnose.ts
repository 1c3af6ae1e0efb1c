import { type Finding, findingOf, found } from '../../core/findings.ts';
import type { ConsumerFacts, DoctorFacts } from '../contract.ts';
import { judgeEnvironment, judgeReading, judgeSignals, judgeUnit } from './consumers.ts';
import { judgeMachine, judgeMetadata } from './host.ts';
import { judgeProfile, judgeSink } from './sinks.ts';
import { judgeSource } from './sources.ts';

/** The findings of the facts at `now` (epoch milliseconds). */
export function diagnose(facts: DoctorFacts, now: number): readonly Finding[] {
  return [
    ...judgeMetadata(facts.metadata, now),
    ...judgeMachine(facts),
    ...facts.sources.flatMap((source) => judgeSource(source, now)),
    ...facts.sinks.flatMap((sink) => [...judgeSink(sink), ...judgeProfile(sink)]),
    ...facts.consumers.flatMap((consumer) => [
      ...judgeConsumer(consumer),
      ...judgeEnvironment(consumer),
      ...judgeReading(consumer),
    ]),
  ];
}

/** Reasons why a pass could not notify a consumer, or would end it. */
export function judgeConsumer(consumer: ConsumerFacts): readonly Finding[] {
  const { name: subject, trouble } = consumer;
  const problem = 'a pass will not notify it';
  return [
    ...found(trouble && findingOf('consumer-refused', { subject, problem }, trouble)),
    ...judgeUnit(consumer),
    ...judgeSignals(consumer),
  ];
}
