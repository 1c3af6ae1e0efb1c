import type { Explanations } from './explain-contract.ts';

/** Commands stand in backquotes. */
export const OF_SINKS: Explanations<'SINK'> = {
  SINK_OUTDATED: {
    means: 'not known to hold the current credentials, and nobody has them',
    causes: [
      'The file was removed or changed, or the sink is new, while the source gives nothing. A one-shot keeps no credentials in memory that it could write.',
      'The source gives credentials that expire earlier than those in another file, which are kept.',
    ],
    remedies: [
      'Find out why the source gives nothing: `credrotate status`. The file is written as soon as it does.',
      'Where the source gives credentials that expire earlier, and they are the right ones: `credrotate refresh --accept`, or `credrotate once --accept` without an agent.',
    ],
  },
  SINK_UNSAFE_PATH: {
    means: 'somebody else could put another file in its place',
    causes: [
      'A directory on the way to the sink can be written by a group or by everybody, or two users other than root control parts of the way.',
      'The sink lies directly in a directory such as /tmp, where everybody may make files, or below one in a directory of a user whom the sink does not name as its owner.',
      'A part of the way belongs to nobody (uid 65534) or to a number that is no user of this machine.',
      'The file itself is a mount point, or the way leads through /proc.',
    ],
    remedies: [
      'Choose a directory that belongs, with all its parents, to root, or to the one user who needs the file.',
      'Or take the write bit away: `chmod go-w DIRECTORY`.',
      'Where a group is meant to write there, name it: `trusted_groups: [staff]`.',
      'Where a user is meant to have a directory below /run or /dev/shm, have it made at each boot, in /etc/tmpfiles.d, and name the `owner` of the sink; a number without an entry by its number.',
    ],
  },
  SINK_NOT_REGULAR: {
    means: 'there is no regular file at the path of the sink',
    causes: [
      'The path is a symlink, a directory, a FIFO or a device. Replacing a symlink would change what others share.',
    ],
    remedies: [
      'For a symlink, configure where it leads to: `readlink -f PATH`.',
      'For anything else, choose another path, or remove what is there.',
    ],
  },
  SINK_FORMAT_REFUSED: {
    means: 'the file holds what cannot be changed without harm',
    causes: [
      'It is not of the format that the sink says: an INI file that readers understand in different ways, a JSON file with a mistake, or the same key twice.',
    ],
    remedies: [
      'The message names the line. Correct it, or move the file away: the next pass writes a new one.',
      'Try it without writing: `credrotate check`.',
    ],
  },
  SINK_TOO_LARGE: {
    means: 'the file is far too large for one of credentials',
    causes: ['The path of the sink leads to something else.'],
    remedies: ['Correct the path.'],
  },
  SINK_OWNER_UNKNOWN: {
    means: 'owner or group of the sink is not known here',
    causes: [
      'No user or group of that name exists (yet), or the name service does not answer.',
      'A mode with rights for a group is to be used for a user who has no entry, and so no group.',
    ],
    remedies: ['Ask as the agent does: `getent passwd NAME`, `getent group NAME`.', 'Create it, or correct the name.'],
  },
  SINK_OWNER_DENIED: {
    means: 'the sink cannot be given that owner, or that mode',
    causes: [
      'The path lies below a directory of one user, and the file is to belong to another: whoever controls the directory controls the file.',
      'The agent does not run as root, and can give files to nobody else.',
      'The file system keeps no owners and modes (vfat, CIFS, some of FUSE): its mount options give a file others than the sink is to have.',
    ],
    remedies: [
      'Leave out `owner`: the file then belongs to the user of the directory.',
      'Or choose a directory that belongs, with all its parents, to root.',
      'For such a file system, mount it with what the sink is to have (`findmnt -T PATH`; `uid=`, `gid=`, `fmask=0177`). `mode: any` takes each mode that keeps others out.',
    ],
  },
  SINK_UNREADABLE: {
    means: 'the file that stands, or its directory, cannot be read',
    causes: [
      'Who writes there may not look: the agent without root, or the user to whom the path belongs.',
      'A part of the path is no directory, the disk fails, or a network file system is gone.',
    ],
    remedies: [
      'Look at each part of the path: `namei -l PATH`.',
      'Run the agent as root, or give the file to the user of its directory.',
    ],
  },
  SINK_WRITE_FAILED: {
    means: 'the new file could not be written or put in its place',
    causes: [
      'The disk or a quota is full, the file system is read-only, or the file is immutable or a mount point.',
      'The sandbox of the unit closes the directory.',
      '`forget` could not remove a file, or what a killed agent left beside one.',
    ],
    remedies: [
      'The old file stands, whole, and the next pass tries again. The message names the error of the system: `df -h`, `df -i`, `lsattr PATH`, `findmnt -T PATH`.',
      'For read-only directories beneath systemd: `credrotate harden` opens those of the sinks.',
    ],
  },
  SINK_NOT_OURS: {
    means: 'the file holds credentials that we did not write',
    causes: [
      '`credrotate forget` found a key there that the agent has not written last: somebody put one of their own in its place.',
    ],
    remedies: ['Look at the file. Remove the key by hand, or with `credrotate forget --force` if it may go.'],
  },
  SINK_CONFLICT: {
    means: 'another program changes the file at the same time',
    causes: ['The file changed between our reading and our renaming, several times in a row.'],
    remedies: [
      'Let only one program write it: stop the cron job or the agent that did so before.',
      'Or give each a file of its own; programs can be pointed to ours by `AWS_SHARED_CREDENTIALS_FILE`.',
    ],
  },
  SINK_UNVERIFIED: {
    means: 'after the write the file is not as it was made',
    causes: [
      'Another program changed it at once, or moved its directory, or the file system does not keep what it was told.',
    ],
    remedies: [
      'The message says whether the new credentials are in the file.',
      'See what the file system is: `findmnt -T PATH`.',
      'Move the sink, or find who changes it: `fuser -v PATH`.',
    ],
  },
  SINK_TIMEOUT: {
    means: 'the file system of the sink does not answer',
    causes: [
      'A network home or a FUSE file system hangs.',
      'The user to whom the path belongs stopped the process that writes for them.',
    ],
    remedies: ['Try it, ready to interrupt: `stat PATH`.', 'Only sinks of that user wait; all others are written.'],
  },
  SINK_ACTOR_FAILED: {
    means: 'the process that writes as the user failed',
    causes: [
      'The process was killed, by its user or for want of memory, or its answer made no sense.',
      'The agent may not become that user: its unit lacks a capability (CAP_SETUID, CAP_SETGID).',
    ],
    remedies: [
      'See what the kernel says: `journalctl -k`.',
      'See what a drop-in of the unit takes away: `systemctl cat credrotate`.',
    ],
  },
};
