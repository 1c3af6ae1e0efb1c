import type { Explanations } from './explain-contract.ts';

/** Commands stand in backquotes. */
export const OF_LOCKDOWN: Explanations<'LOCKDOWN'> = {
  LOCKDOWN_REFUSED: {
    means: 'the rules for the metadata service were left as they are',
    causes: [
      'A user who is not allowed to is connected to the metadata service at this moment.',
      'A trial was asked for where the rules are in force for good: it would end with the service open to all.',
      'Only root may change or see the rules.',
    ],
    remedies: [
      'See who would be refused: `credrotate lockdown apply --dry-run`.',
      'Allow the user under `lockdown: {allow_users: [NAME]}`, or go on with `--force`.',
      'Run it as root.',
    ],
  },
  LOCKDOWN_UNAVAILABLE: {
    means: 'there is no nft on this machine',
    causes: ['The rules are made by nft, which most distributions have in the package nftables.'],
    remedies: ['`apt install nftables` or `dnf install nftables`.'],
  },
  LOCKDOWN_FAILED: {
    means: 'nft did not do what it was told',
    causes: [
      'The kernel has no nf_tables, or lacks one of its modules, or the process may not load rules, as in many containers.',
      'nft hangs, or lists its rules in a way that is not known.',
    ],
    remedies: ['The message holds what nft said. See the rules: `nft list table inet credrotate_lockdown`.'],
  },
};
