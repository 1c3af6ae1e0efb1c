import { findingOf, type Finding } from '../core/findings.ts';
import type { SinkFacts } from './contract.ts';

/** Sinks that cannot be written where they are, or not from where the agent runs. */
export function judgeSink(sink: SinkFacts): readonly Finding[] {
  return [...judgeTrouble(sink), ...judgeWarnings(sink), ...judgeMount(sink), ...judgeConfinement(sink)];
}

function judgeWarnings({ name, warnings }: SinkFacts): readonly Finding[] {
  if (warnings.length === 0) return [];
  return [
    {
      id: 'sink-warning',
      severity: 'warning',
      subject: name,
      problem: 'a pass writes this sink, and warns',
      evidence: warnings,
      remedy: { text: 'change the file or the configuration as they say' },
    },
  ];
}

function judgeTrouble({ name, trouble, profile }: SinkFacts): readonly Finding[] {
  // Said in full as profile-shadowed.
  if (!trouble || (trouble.code === 'SINK_FORMAT_REFUSED' && profile && profile.others.length > 0)) return [];
  return [findingOf('sink-refused', { subject: name, problem: 'a pass will not write this sink' }, trouble)];
}

function judgeMount({ path, isMountPoint }: SinkFacts): readonly Finding[] {
  if (!isMountPoint) return [];
  return [
    {
      id: 'sink-mounted',
      severity: 'error',
      subject: path,
      problem: 'the file is mounted by itself: it cannot be replaced, and who has it mounted keeps the old one',
      evidence: [`/proc/self/mountinfo has a mount at ${path}`],
      remedy: { text: `mount the directory instead, and keep the sink inside it: ${path.replace(/\/[^/]*$/, '')}` },
    },
  ];
}

export function judgeConfinement({ path, closedBy }: Pick<SinkFacts, 'path' | 'closedBy'>): readonly Finding[] {
  if (closedBy === undefined) return [];
  return [
    {
      id: 'sink-confined',
      severity: 'error',
      subject: path,
      problem: "the agent's unit is confined away from this sink",
      evidence: [`systemctl show credrotate.service: ${closedBy}`],
      remedy: { text: "open the sinks' directories to it", line: 'sudo credrotate harden' },
    },
  ];
}
