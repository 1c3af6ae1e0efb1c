import type { Explanations } from './explain-contract.ts';

/** Commands stand in backquotes. What is pending is tried again by the agent, ever more rarely. */
export const OF_CONSUMERS: Explanations<'CONSUMER'> = {
  CONSUMER_WOULD_DIE: {
    means: 'the signal would end the process, so it was not sent',
    causes: [
      'The program neither catches nor blocks the signal, or does not do so yet because it is still starting.',
      'It is written in Go, Java or Ruby: these runtimes catch signals in every program, and by default exit on them.',
    ],
    remedies: [
      'If it is still starting, nothing: it is notified when it is ready.',
      'If you know that the program reloads on the signal: `handles_signal: true`.',
      'Else have it restarted: `type: systemd`.',
    ],
  },
  CONSUMER_IGNORES: {
    means: 'the process would not notice the signal',
    causes: ['The program ignores the signal, or it is one that does nothing to those that do not catch it.'],
    remedies: ['Name a signal on which the program reads its files again, or have it restarted: `type: systemd`.'],
  },
  CONSUMER_NOT_MEANT: {
    means: 'the pid file does not lead to the process that is meant',
    causes: [
      'The program has ended, and its number belongs to another process by now: that one started after the file was written.',
      'The file belongs to a user who is not the one of the process.',
      'It does not hold the number of a process.',
    ],
    remedies: [
      'Compare: `ps -o lstart= -p "$(cat FILE)"` and `stat -c %y FILE`.',
      'If the program has ended, remove the file; if it runs and the clock was set since, `touch FILE`.',
      'Or name the program instead: `process: {exe: /usr/sbin/name}`.',
    ],
  },
  CONSUMER_UNSAFE: {
    means: 'somebody else could decide who is notified, or what is run',
    causes: [
      'A pid file, or a directory on the way to it, can be written by other users than root and its owner; or it stands where everybody can make files, and so is whose who came first.',
      'The program of an exec consumer, the script that its interpreter is given, or a directory on the way to one of them can be changed by somebody else than root (or the user of an agent that is not root), whoever it runs as. Where the words do not tell which of them is a script (`sh -c`, `env`, `sudo`), each that may be a path counts.',
    ],
    remedies: [
      'Do what the hint says: it names the path.',
      'A pid file belongs in a directory of root or of the program: `RuntimeDirectory=` of its unit makes one.',
    ],
  },
  CONSUMER_UNINSPECTABLE: {
    means: 'nobody can see whom the signal would reach',
    causes: [
      'The pid file or the program lies on a file system that does not answer, or its user stopped the process that reads it.',
      'The kernel, or a filter of the unit, lacks pidfd_open: then a signal could reach another process.',
      'The agent may not look into the process: /proc is mounted with hidepid=, or the unit of the agent says ProtectProc=.',
    ],
    remedies: [
      'Let the agent see it, or name its user: `process: {exe: PATH, user: NAME}`.',
      'If you know that the program reloads on the signal: `handles_signal: true`.',
    ],
  },
  CONSUMER_FAILED: {
    means: 'notifying the consumer failed',
    causes: [
      'The program of an exec consumer ended with another exit code than 0.',
      'The command systemctl refused: the unit is not there, does not start, or is between two states.',
      'The user that is named is not known, or the agent may not signal the process.',
    ],
    remedies: [
      'For a unit: `systemctl status UNIT`.',
      'For a program: `journalctl -u credrotate`, or run it by hand as its user.',
      'It is notified again until it succeeds. At once: `credrotate refresh`.',
    ],
  },
  CONSUMER_ENDED: {
    means: 'the consumer ended when it was notified',
    causes: [
      'Its program, or the runtime that it is written in, ends on the signal: PHP on the command line, a shell script with an EXIT trap, Erlang.',
      'It is a program that passes the signal on to another, which ends: sudo, timeout, tini.',
      'It could not read its new configuration, and stopped.',
    ],
    remedies: [
      'See why it ended, and start it: `systemctl status UNIT`, `journalctl -u UNIT`.',
      'Have it restarted instead: `type: systemd` with `action: restart`, or `type: exec`.',
      'It is notified again when its entry in the configuration has changed, or when asked for: `credrotate refresh --notify NAME`.',
    ],
  },
  CONSUMER_TIMEOUT: {
    means: 'notifying the consumer did not come to an end in time',
    causes: ['A program waits for something, or a job of systemd waits for another.'],
    remedies: [
      'For a unit: `systemctl list-jobs`.',
      'For a program that needs longer: raise `timeout` of the consumer.',
    ],
  },
};
