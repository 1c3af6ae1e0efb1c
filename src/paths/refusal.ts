import { resolve } from 'node:path';
import { describeForeign, errnoName, type ErrorCode, type ErrorInfo } from '../core/errors.ts';
import { octal, shellWord } from '../core/printable.ts';

/** The kind of thing that a path must lead to. */
export type End = 'directory' | 'file';

/** Why a path is not used, and where on it. */
export type Refusal =
  /** A directory in which others make entries too. */
  | { readonly why: 'shared'; readonly at: string; readonly gid: number; readonly by: 'group' | 'all' }
  /** It ends in a directory where everybody can make files. */
  | { readonly why: 'sticky'; readonly at: string }
  /** In a shared directory it belongs to whoever came first. */
  | { readonly why: 'claimed'; readonly at: string; readonly got: 'a symlink' | 'a file' }
  | { readonly why: 'owner'; readonly at: string; readonly uid: number; readonly self: number }
  /** A file that others than its owner can write. */
  | { readonly why: 'mode'; readonly at: string; readonly mode: number }
  | { readonly why: 'mount'; readonly at: string; readonly got: string }
  /** A private volume that does not meet a condition, or is not used as one. */
  | { readonly why: 'volume'; readonly at: string; readonly fault: VolumeFault; readonly got: string }
  | { readonly why: 'unmapped' | 'no-proc'; readonly at: string }
  /** The kernel's answer. */
  | { readonly why: 'errno'; readonly at: string; readonly error: unknown; readonly end: End };

/** A missing condition of a private volume. */
export type VolumeFault = keyof typeof VOLUME_TEXTS;

/** The error codes of a refusal, by the use of the path. */
export interface Codes {
  readonly unsafe: ErrorCode;
  readonly unseen: ErrorCode;
}

interface RefusalText {
  readonly message: string;
  readonly hint: string;
}

/** The one place in which refusals become words. `path`: the one that was asked for. */
export function explainRefusal(path: string, refusal: Refusal, { unsafe, unseen }: Codes): ErrorInfo {
  return { code: ['errno', 'no-proc'].includes(refusal.why) ? unseen : unsafe, ...textOf(path, refusal) };
}

function textOf(path: string, refusal: Refusal): RefusalText {
  const { at } = refusal;
  switch (refusal.why) {
    case 'shared':
      return shared(refusal);
    case 'sticky':
      return {
        message: `${at}: expected a directory of one owner, got one where everybody can make files`,
        hint: `have a directory of its own made at each boot, in /etc/tmpfiles.d/credrotate.conf: d /run/credentials-for-app 0700 app${IN_A_POD}`,
      };
    case 'claimed':
      return {
        message: `${at}: expected a directory, got ${refusal.got} where others make entries too`,
        hint: `choose a path below a directory in which root alone makes entries, such as /etc or /run`,
      };
    case 'owner':
      return owner(refusal);
    case 'mode':
      return {
        message: `${at}: expected a file that its owner alone can write, got mode ${octal(refusal.mode)}`,
        hint: `sudo chmod go-w ${shellWord(at)}`,
      };
    case 'mount':
      return {
        message: `${at}: expected a file system that the kernel shows, got ${refusal.got}`,
        hint: 'see what is mounted there: findmnt; choose a path beside it',
      };
    case 'volume': {
      const { expected, hint } = VOLUME_TEXTS[refusal.fault];
      return { message: `${at}: expected ${expected}, got ${refusal.got}`, hint };
    }
    case 'unmapped':
    case 'no-proc':
      return SURROUNDINGS[refusal.why];
    case 'errno':
      return unseen(path, refusal);
  }
}

const VOLUME_TEXTS = {
  place: {
    expected: 'a volume of this pod alone',
    hint: 'mount an emptyDir at a path of its own, such as /creds, and name that in private_volumes',
  },
  mount: {
    expected: 'a mount point, since private_volumes names it',
    hint: 'mount the volume there, or take it out of private_volumes',
  },
  root: {
    expected: 'a user other than root to write in a private volume',
    hint: 'run the agent as the user of the application (runAsUser), or name that user as the owner of the sink',
  },
  capabilities: {
    expected: 'a process without CAP_CHOWN, CAP_DAC_OVERRIDE and CAP_FOWNER to write in a private volume',
    hint: 'drop them: capabilities: { drop: [ALL] }',
  },
  entry: {
    expected: "an entry of the agent's own user, as all in a private volume",
    hint: 'remove it, or give the agent a volume of its own',
  },
  inside: {
    expected: 'a directory in it, which the agent makes, since others write in the volume too',
    hint: 'configure a path such as /creds/aws/credentials, where /creds is the volume',
  },
  mode: {
    expected: 'mode 0700 or 0750, since others write in the volume above',
    hint: 'remove it: the next pass makes it, and what was in it',
  },
} as const;

const SURROUNDINGS: Readonly<Record<'unmapped' | 'no-proc', RefusalText>> = {
  unmapped: {
    message: '/: expected root as its owner, got a user whom this user namespace does not know',
    hint: 'map root into the namespace, or run the agent outside of it',
  },
  'no-proc': {
    message: '/proc: expected to see there what a path leads to, got nothing',
    hint: 'mount it: mount -t proc proc /proc',
  },
};

const IN_A_POD = '; in a pod, name the volume in private_volumes';

function shared({ at, by, gid }: Extract<Refusal, { why: 'shared' }>): RefusalText {
  const message = `${at}: expected a directory that its owner alone can write, got one that others can`;
  const trusting = by === 'group' ? `, or list its group ${gid} in trusted_groups` : '';
  return { message, hint: `sudo chmod go-w ${shellWord(at)}${trusting}, or choose another directory${IN_A_POD}` };
}

function owner({ at, uid, self }: Extract<Refusal, { why: 'owner' }>): RefusalText {
  const owners = self === 0 ? 'root' : `root and uid ${self}`;
  const message = `${at}: expected a path of ${owners} alone, got a part of it owned by uid ${uid}`;
  return { message, hint: `choose a path that belongs, with all its parents, to ${owners.replace(' and ', ' or ')}` };
}

function unseen(path: string, { error, end }: Extract<Refusal, { why: 'errno' }>): RefusalText {
  const name = errnoName(error) ?? '';
  const hint = HINTS[name] ?? 'check the path: every part of it must be a directory';
  return { message: `${path}: expected a ${end}, got ${describeForeign(error)}`, hint };
}

/** For errors without a file descriptor. */
export const DESCRIPTOR_HINTS = {
  EMFILE: 'raise the limit of open files: LimitNOFILE= of the unit, or ulimit -n',
  ENFILE: 'the whole system is out of open files: raise the sysctl fs.file-max',
};

const HINTS: Readonly<Record<string, string>> = {
  EACCES: 'the agent may not look there: run it as root, or as the owner',
  ...DESCRIPTOR_HINTS,
};

/** Says what to do about a part of a path (`at`) that somebody else can change. `isEnd`: it is the end of the path. */
export type RemedyOf = (at: string, isEnd: boolean) => string;

/** Why a path is refused, with the remedy of the place where it was named instead of the general hint. */
export function withRemedy(path: string, error: ErrorInfo, refusal: Refusal | undefined, remedy: RemedyOf): ErrorInfo {
  if (refusal === undefined || !CHANGEABLE.has(refusal.why)) return error;
  return { ...error, hint: `look it through, then: ${remedy(refusal.at, refusal.at === resolve(path))}` };
}

const CHANGEABLE: ReadonlySet<Refusal['why']> = new Set(['shared', 'sticky', 'claimed', 'owner', 'mode']);

/**
 * Takes back what one names; a directory on the way is its owner's, and what was named has to move to a better place.
 */
export function takeBackOr(elsewhere: string): RemedyOf {
  return (at, isEnd) => (isEnd ? takeBack(at) : elsewhere);
}

export function takeBack(path: string): string {
  return `sudo chown root:root ${shellWord(path)} && sudo chmod go-w ${shellWord(path)}`;
}
