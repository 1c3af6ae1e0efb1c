import type { Finding } from '../core/findings.ts';
import type { Facts, MachineFacts, SinkFacts } from './contract.ts';

/** Whether what stands belongs to this instance, and whether anybody keeps it fresh. */
export function judgeMachine({ machine, sinks }: Pick<Facts, 'machine' | 'sinks'>): readonly Finding[] {
  return [...judgeImage(machine, sinks), ...judgeStatus(machine)];
}

function judgeImage(machine: MachineFacts, sinks: readonly SinkFacts[]): readonly Finding[] {
  const { instance, stateInstance, hasState, keyId } = machine;
  const isForeign = stateInstance !== undefined && instance !== undefined && stateInstance !== instance;
  // Before the first pass, keys in our places are somebody else's, unless they are those that the source gives.
  const strange = hasState ? [] : sinks.filter(({ keyIds }) => keyIds.some((id) => id !== keyId));
  if (!isForeign && strange.length === 0) return [];
  return [
    {
      id: 'image-baked',
      severity: isForeign ? 'error' : 'warning',
      subject: instance ?? 'this instance',
      problem: isForeign
        ? 'the state is that of another instance: this machine was made from an image that holds its credentials'
        : 'keys stand in the sinks although there has been no pass: perhaps they came with the machine image',
      evidence: [
        ...(isForeign ? [`the state is of ${stateInstance}, the metadata service of ${instance}`] : []),
        ...strange.map(({ path, keyIds }) => `${path}: key ${keyIds.join(' and ')}`),
      ],
      remedy: {
        text: 'have them replaced here; on the instance that an image is made of, run credrotate forget --all before',
        line: 'sudo credrotate once',
      },
    },
  ];
}

/** What a status says is judged with it. */
function judgeStatus({ hasStatus, hasUnits }: MachineFacts): readonly Finding[] {
  if (hasStatus) return [];
  return [
    {
      id: 'nobody-refreshes',
      severity: 'error',
      subject: 'next pass',
      problem: 'no pass has been made since the boot: the files are not kept',
      evidence: ['there is no status'],
      remedy: {
        text: 'start the agent now and at boot, or credrotate.timer in its place',
        line: hasUnits ? 'sudo systemctl enable --now credrotate' : 'sudo credrotate run',
      },
    },
  ];
}
