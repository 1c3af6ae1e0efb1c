import { isErrno } from './errors.ts';

/** Returns the result of `work`, or `otherwise` if it throws anything. */
export function attempt<T, Otherwise>(work: () => T, otherwise: Otherwise): T | Otherwise {
  try {
    return work();
  } catch {
    return otherwise;
  }
}

/** Returns the result of `work`, or `otherwise` if it throws an errno error with one of these names; no names: with any. */
export function onErrno<T, Otherwise>(names: readonly string[], otherwise: Otherwise, work: () => T): T | Otherwise {
  try {
    return work();
  } catch (error) {
    if (isErrno(error, ...names)) return otherwise;
    throw error;
  }
}
