import { notableSkew, skewFact } from '../../core/clock-skew.ts';
import { finding, type Finding, findingOf, found } from '../../core/findings.ts';
import type { DoctorFacts, MachineFacts, MetadataFacts, SinkFacts } from '../contract.ts';

const SUBJECT = 'metadata service';
const OPTIONS = 'aws ec2 modify-instance-metadata-options --instance-id ID';

/** Whether the metadata service answers us, and which other users. `now`: epoch milliseconds. */
export function judgeMetadata(facts: MetadataFacts, now: number): readonly Finding[] {
  return found(judgeAnswer(facts), judgeClock(facts, now), judgeV1(facts), judgeLockdown(facts.lockdown));
}

/** The most precise reason that was seen for missing credentials. */
function judgeAnswer(facts: MetadataFacts): Finding | undefined {
  if (facts.imdsd !== undefined || facts.isProhibited) return imdsd(facts);
  const { trouble } = facts;
  if (!trouble) return undefined;
  if (trouble.code === 'IMDS_UNREACHABLE' && facts.statusWithoutToken !== undefined) return hopLimit(facts);
  return findingOf('source-failing', { subject: SUBJECT, problem: 'it gives no credentials' }, trouble);
}

function imdsd({ trouble, imdsd: path, isProhibited }: MetadataFacts): Finding {
  return finding('imdsd-in-the-way', trouble ? 'error' : 'note', SUBJECT, {
    problem: trouble
      ? 'systemd-imdsd keeps everybody else from it, root as well, and does not answer in its place'
      : 'systemd-imdsd is here; where it locks the network, credrotate asks it in place of the metadata service',
    evidence: [
      ...(path === undefined ? [] : [`${path} is there`]),
      ...(isProhibited ? ['the route to 169.254.169.254 is prohibited'] : []),
    ],
    remedy: {
      text: 'have its socket listen, or leave the network unlocked (systemd.imds.network=unlocked on the kernel command line)',
      line: 'sudo systemctl enable --now systemd-imdsd.socket',
    },
  });
}

/** The token is the one answer that may travel only so many hops; others arrive. */
function hopLimit({ endpoint, statusWithoutToken, container }: MetadataFacts): Finding {
  return finding('hop-limit', 'error', SUBJECT, {
    problem: 'its token does not arrive here: the answer ends one hop too early, as it does in containers',
    evidence: [
      `PUT ${endpoint}/latest/api/token: no answer in time`,
      `GET ${endpoint}/latest/meta-data/ without a token: status ${statusWithoutToken ?? 'none'}`,
      container === undefined ? 'nothing says that this is a container' : `this is a container: ${container}`,
    ],
    remedy: {
      text: 'allow two hops, or run credrotate on the host',
      line: `${OPTIONS} --http-put-response-hop-limit 2`,
    },
  });
}

/** AWS refuses requests that are signed so far from its own time. */
const REFUSED_MS = 300_000;

function judgeClock({ clockSkew }: MetadataFacts, now: number): Finding | undefined {
  const fact = skewFact(clockSkew, now);
  if (fact === undefined) return undefined;
  return finding('clock-skew', Math.abs(notableSkew(clockSkew)) >= REFUSED_MS ? 'error' : 'warning', 'clock', {
    problem: 'the clock is wrong, and AWS refuses requests that are signed more than 5 minutes off',
    evidence: [fact],
    remedy: { text: 'let a time service set it right', line: 'sudo timedatectl set-ntp true' },
  });
}

function judgeV1({ endpoint, statusWithoutToken }: MetadataFacts): Finding | undefined {
  if (statusWithoutToken !== 200) return undefined;
  return finding('imds-v1', 'warning', SUBJECT, {
    problem:
      'it answers without a token: an attacker who makes a program of this host send a request gets the credentials',
    evidence: [`GET ${endpoint}/latest/meta-data/ without a token: status 200`],
    remedy: { text: 'require tokens, once no program needs IMDSv1', line: `${OPTIONS} --http-tokens required` },
  });
}

export function judgeLockdown(lockdown: MetadataFacts['lockdown']): Finding | undefined {
  if (lockdown.state === 'on' || lockdown.state === 'unknown') return undefined;
  const isOff = lockdown.state === 'off';
  return finding(isOff ? 'endpoint-open' : 'lockdown-drifted', isOff ? 'note' : 'warning', SUBJECT, {
    problem: isOff
      ? 'every user of this host reaches it, and so has the role'
      : 'the rules that let only some users reach it are not those of the configuration',
    evidence: [lockdown.reason ?? (isOff ? 'there are no rules of credrotate' : 'the rules differ')],
    remedy: { text: 'let only root and those who need it reach it', line: 'sudo credrotate lockdown apply' },
  });
}

/** Whether the state and the files belong to this instance, and whether anybody keeps them up to date. */
export function judgeMachine({ machine, sinks }: Pick<DoctorFacts, 'machine' | 'sinks'>): readonly Finding[] {
  return found(judgeImage(machine, sinks), judgeStatus(machine));
}

function judgeImage(machine: MachineFacts, sinks: readonly SinkFacts[]): Finding | undefined {
  const { instance, stateInstance, hasState, keyId } = machine;
  const isForeign = stateInstance !== undefined && instance !== undefined && stateInstance !== instance;
  // Before the first pass, keys in our places are somebody else's, unless they are those that the source gives.
  const strange = hasState ? [] : sinks.filter(({ keyIds }) => keyIds.some((id) => id !== keyId));
  if (!isForeign && strange.length === 0) return undefined;
  return finding('image-baked', isForeign ? 'error' : 'warning', instance ?? 'this instance', {
    problem: isForeign
      ? 'the state is that of another instance: this machine was made from an image that holds its credentials'
      : 'there are keys in the sinks although there has been no pass: perhaps they came with the machine image',
    evidence: [
      ...(isForeign ? [`the state is of ${stateInstance}, the metadata service of ${instance}`] : []),
      ...strange.map(({ path, keyIds }) => `${path}: key ${keyIds.join(' and ')}`),
    ],
    remedy: {
      text: 'replace them here; before you make an image of an instance, run credrotate forget --all on it',
      line: 'sudo credrotate once',
    },
  });
}

/** The contents of a status are judged elsewhere. */
function judgeStatus({ hasStatus, hasUnits }: MachineFacts): Finding | undefined {
  if (hasStatus) return undefined;
  return finding('nobody-refreshes', 'error', 'next pass', {
    problem: 'no pass has been made since the boot: the files are not kept',
    evidence: ['there is no status'],
    remedy: {
      text: 'start the agent now and at boot, or credrotate.timer in its place',
      line: hasUnits ? 'sudo systemctl enable --now credrotate' : 'sudo credrotate run',
    },
  });
}
