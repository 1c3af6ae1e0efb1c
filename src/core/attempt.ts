import { isErrno } from './errors.ts';

/** What `work` gives, or `otherwise` where it throws, whatever it throws. */
export function attempt<T, Otherwise>(work: () => T, otherwise: Otherwise): T | Otherwise {
  try {
    return work();
  } catch {
    return otherwise;
  }
}

/** What `work` gives, or `otherwise` where it throws an errno error with one of these names; without names, any. */
export function onErrno<T, Otherwise>(names: readonly string[], otherwise: Otherwise, work: () => T): T | Otherwise {
  try {
    return work();
  } catch (error) {
    if (isErrno(error, ...names)) return otherwise;
    throw error;
  }
}
