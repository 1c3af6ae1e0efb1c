import type { Command } from 'commander';
import type { Run } from '../agent/world.ts';

/** Describes a command to the program. */
export type AddCommand = (program: Command, run: Run) => void;

/** Every command, in the order of `--help`. Each is loaded only when it is called, or when all are to be shown. */
const COMMANDS: Readonly<Record<string, () => Promise<AddCommand>>> = {
  run: async () => (await import('./run.ts')).addRun,
  once: async () => (await import('./once.ts')).addOnce,
  refresh: async () => (await import('./refresh.ts')).addRefresh,
  status: async () => (await import('./status.ts')).addStatus,
  check: async () => (await import('./check.ts')).addCheck,
  doctor: async () => (await import('./doctor.ts')).addDoctor,
  plan: async () => (await import('./plan.ts')).addPlan,
  harden: async () => (await import('./harden.ts')).addHarden,
  forget: async () => (await import('./forget.ts')).addForget,
  export: async () => (await import('./export.ts')).addExport,
  exec: async () => (await import('./exec.ts')).addExec,
  get: async () => (await import('./get.ts')).addGet,
  init: async () => (await import('./init.ts')).addInit,
  config: async () => (await import('./config.ts')).addConfig,
  explain: async () => (await import('./explain.ts')).addExplain,
  complete: async () => (await import('./complete.ts')).addComplete,
  lockdown: async () => (await import('./lockdown.ts')).addLockdown,
  simulate: async () => (await import('./simulate.ts')).addSimulate,
  demo: async () => (await import('./demo.ts')).addDemo,
};

/** Those that a command line can need: the one that it calls; all of them where it calls none, or one that is not there. */
export async function commandsFor([first, , ...words]: readonly string[]): Promise<readonly AddCommand[]> {
  if (first === '-V') return [];
  const called = first !== undefined && Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  if (!called) return await Promise.all(Object.values(COMMANDS).map((load) => load()));
  // `complete SHELL WORDS...` goes by the one that is being typed.
  const typed = first === 'complete' ? await commandsFor(words) : [];
  return [...new Set([await called(), ...typed])];
}
