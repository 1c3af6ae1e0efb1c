import type { ErrorInfo } from '../core/errors.ts';
import type { FoundDirectory } from '../paths/policies.ts';

/** Who works in a directory. */
export type Verdict =
  /** The agent itself. `mount`: a process of its own, since a file system that may let it wait is mounted there. */
  | { readonly kind: 'self'; readonly mount?: string }
  /** A process of this user. `isClaim`: only if the sink names that owner. */
  | { readonly kind: 'user'; readonly uid: number; readonly at: string; readonly isClaim: boolean }
  | { readonly kind: 'refused'; readonly error: ErrorInfo };

/** Undefined where looking may take for ever. */
export function verdictOf(found: FoundDirectory): Verdict | undefined {
  switch (found.kind) {
    case 'directory':
      return { kind: 'self' };
    case 'user':
      return { kind: 'user', uid: found.uid, at: found.at, isClaim: found.isClaim };
    case 'refused':
      return { kind: 'refused', error: found.error };
    case 'remote':
    case 'absent':
      return undefined;
  }
}
