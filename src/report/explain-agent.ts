import type { Explanations } from './explain-contract.ts';

/** Commands stand in backquotes. */
export const OF_AGENT: Explanations<'STATE' | 'AGENT' | 'INTERNAL'> = {
  STATE_UNWRITABLE: {
    means: 'what the agent must remember cannot be written',
    causes: [
      'The disk is full or read-only.',
      'Somebody else than root (or the user of the agent) can change the directory, or a directory on the way to it; or it lies on a file system that may not answer, such as a network one. Then nothing in it is read or written.',
    ],
    remedies: [
      'Free space or mend the rights: `namei -l /var/lib/credrotate`, `df -h /var/lib/credrotate`. `STATE_DIRECTORY` and `RUNTIME_DIRECTORY` name other places.',
      'The sinks are kept fresh all the same; after a restart consumers may be notified once more than needed.',
    ],
  },
  AGENT_BUSY: {
    means: 'another credrotate is at work with the same state',
    causes: [
      'An agent or a one-shot holds the lock of the state directory. The lock ends with its process: it cannot go stale.',
    ],
    remedies: [
      'Ask the agent for a pass instead: `credrotate refresh`.',
      'Before `forget`, stop it: `systemctl stop credrotate`.',
      'A second agent on purpose needs a state directory of its own: `STATE_DIRECTORY`, `RUNTIME_DIRECTORY`.',
    ],
  },
  AGENT_ABSENT: {
    means: 'no agent answers',
    causes: [
      'None is running, it is just starting or stopping, or this user may not talk to it.',
      'No pass was made yet.',
    ],
    remedies: ['See why: `systemctl status credrotate`.', 'Start it: `systemctl enable --now credrotate`.'],
  },
  INTERNAL: {
    means: 'an error in credrotate itself',
    causes: ['Something happened that nobody thought of.'],
    remedies: [
      'Report it with the message, `credrotate --version` and the lines of `journalctl -u credrotate` around it. They hold no secrets.',
      'The agent is started again by its unit.',
    ],
  },
};
