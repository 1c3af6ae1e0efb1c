import { EXIT } from '../core/exit.ts';
import type { Context, Judged } from './assess-contract.ts';
import { everywhere } from './assess-contract.ts';
import type { ConsumerStatus } from './status.ts';

/** Whether those who use the files know of them. */
export function judgeConsumers(context: Context): readonly Judged[] {
  return context.status.consumers.flatMap((consumer) => judge(consumer, context));
}

function judge(consumer: ConsumerStatus, { host, keeper, now }: Context): readonly Judged[] {
  const { name: subject, result, notReading, error, pendingSince, known } = consumer;
  if (result === 'ended') return [judgeEnd(consumer, now)];
  if (result === 'pending') {
    return [
      {
        id: 'consumer-pending',
        severity: 'warning',
        subject,
        problem: 'notification pending',
        ...(pendingSince !== undefined && { since: pendingSince }),
        evidence: error ? [`${error.code}: ${error.message}`] : [],
        remedy: { text: error?.hint ?? 'nothing is lost: it is tried again' },
        exits: everywhere(EXIT.consumerPending),
      },
    ];
  }
  if (!notReading) return [];
  const again = { text: 'notify it again and look in a minute; one that never reads needs a restart' };
  return [
    {
      id: 'consumer-not-reading',
      severity: 'warning',
      subject,
      problem: 'notified, but nobody has read its files',
      ...(known && { since: known.at }),
      evidence: [],
      // Only an agent can be asked for it.
      remedy: keeper.by === 'agent' ? { ...again, line: `${host.pass} --notify ${subject}` } : again,
      exits: {},
    },
  ];
}

/** Its successor has the new files, until little is left of the credentials in them. */
function judgeEnd({ name: subject, error, pendingSince, successor }: ConsumerStatus, now: number): Judged {
  const isDown = successor?.isRunning !== true;
  const runsOut = successor && now >= Date.parse(successor.runsOutAt);
  const problem = isDown
    ? 'it ended when it was notified, and does not run'
    : `it ended when it was notified; another runs in its place, and ${runsOut ? 'its credentials run out' : 'is not notified'}`;
  return {
    id: 'consumer-ended',
    severity: isDown || runsOut ? 'error' : 'warning',
    subject,
    problem,
    ...(pendingSince !== undefined && { since: pendingSince }),
    evidence: error ? [`${error.code}: ${error.message}`] : [],
    remedy: { text: error?.hint ?? 'credrotate explain CONSUMER_ENDED' },
    exits: everywhere(EXIT.consumerPending),
  };
}
