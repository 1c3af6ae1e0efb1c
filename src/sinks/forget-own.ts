import { unlinkSync } from 'node:fs';
import { describeForeign, toErrorInfo } from '../core/errors.ts';
import type { SinkOutcome } from '../core/outcomes.ts';
import type { Replacement } from './compare.ts';
import type { ForgetResult, SinkPreview } from './contract.ts';
import { stagingCapacity } from './descriptors.ts';
import { syncDirectory } from './directories.ts';
import { explain, failed } from './failure.ts';
import { inspectSinks, type Cut, type ForgetDeps, type OwnForget } from './inspect.ts';
import { trustOf } from './prepare.ts';
import { refuseChanged, replaceTogether, type BeforeWrite } from './replace.ts';
import { sweepOwn } from './sweep.ts';

/** Takes what is ours out of the sinks. What goes wrong with one is its outcome and stops no other; never rejects. */
export async function forgetOwn(deps: ForgetDeps, request: OwnForget, beforeWrite: BeforeWrite): Promise<ForgetResult> {
  const journal = [...request.temps];
  const outcomes = new Map<string, SinkOutcome>();
  const replacements: Replacement[] = [];
  for (const inspected of inspectSinks(deps, request)) {
    if ('settled' in inspected) outcomes.set(inspected.settled.path, inspected.settled);
    else if (inspected.cut.bytes) replacements.push({ ...inspected.cut, bytes: inspected.cut.bytes });
    else outcomes.set(inspected.cut.sink.path, await removeFile(inspected.cut));
  }
  const journalled: BeforeWrite = async (staged) => {
    journal.push(...staged.map(({ temp }) => temp));
    await beforeWrite(staged);
  };
  for (const outcome of await replaceAll(deps, replacements, journalled)) outcomes.set(outcome.path, outcome);
  return {
    outcomes: request.sinks.flatMap(({ path }) => outcomes.get(path) ?? []),
    temps: await sweepOwn(journal, trustOf(deps, request)),
  };
}

/** What it would do: changes nothing. Never rejects. */
export function previewForgetOwn(deps: ForgetDeps, request: OwnForget): readonly SinkPreview[] {
  return inspectSinks(deps, request).map((inspected) => {
    if ('settled' in inspected) return inspected.settled;
    const { outcome, standing, bytes } = inspected.cut;
    return { ...outcome, ...(standing && { current: standing.bytes }), next: bytes ?? Buffer.alloc(0) };
  });
}

async function replaceAll(
  deps: ForgetDeps,
  replacements: readonly Replacement[],
  beforeWrite: BeforeWrite,
): Promise<readonly SinkOutcome[]> {
  const outcomes: SinkOutcome[] = [];
  const size = stagingCapacity();
  for (let start = 0; start < replacements.length; start += size) {
    const results = await replaceTogether(deps, replacements.slice(start, start + size), beforeWrite);
    for (const { change, warnings, error } of results) {
      const { sink, outcome } = change;
      outcomes.push(error ? failed(sink, error) : { ...outcome, warnings: [...outcome.warnings, ...warnings] });
    }
  }
  return outcomes;
}

async function removeFile(cut: Cut): Promise<SinkOutcome> {
  const { sink, target, directory, outcome } = cut;
  try {
    refuseChanged(cut);
    unlinkSync(target);
  } catch (error) {
    return failed(sink, toErrorInfo(explain(error, 'SINK_WRITE_FAILED', sink.path)));
  }
  try {
    await syncDirectory(directory.path);
    return outcome;
  } catch (error) {
    const warning = `${directory.path}: not synced (${describeForeign(error)}): a power cut may bring back the file`;
    return { ...outcome, warnings: [...outcome.warnings, warning] };
  }
}
