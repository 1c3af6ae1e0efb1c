import { describeForeign, toErrorInfo } from '../core/errors.ts';
import type { SinkOutcome } from '../core/outcomes.ts';
import type { Replacement } from './compare.ts';
import type { ForgetResult, SinkPreview } from './contract.ts';
import { batches } from './descriptors.ts';
import { explain, failed } from './failure.ts';
import { inspectSinks, type Cut, type ForgetDeps, type OwnForget } from './inspect.ts';
import { Places, walkerOf } from './places.ts';
import { refuseChanged, replaceTogether, type BeforeWrite } from './replace.ts';
import { sweepOwn } from './sweep.ts';

/** Takes what is ours out of the sinks. What goes wrong with one is its outcome and stops no other; never rejects. */
export async function forgetOwn(deps: ForgetDeps, request: OwnForget, beforeWrite: BeforeWrite): Promise<ForgetResult> {
  const journal = [...request.temps];
  const outcomes = new Map<string, SinkOutcome>();
  const journalled: BeforeWrite = async (staged) => {
    journal.push(...staged.map(({ temp }) => temp));
    await beforeWrite(staged);
  };
  for (const batch of batches(request.sinks)) {
    using places = new Places(deps, request);
    for (const outcome of await forgetBatch(deps, { ...request, sinks: batch }, { places, beforeWrite: journalled }))
      outcomes.set(outcome.path, outcome);
  }
  return {
    outcomes: request.sinks.flatMap(({ path }) => outcomes.get(path) ?? []),
    temps: await sweepOwn(journal, walkerOf(deps, request)),
  };
}

/** What it would do: changes nothing. Never rejects. */
export function previewForgetOwn(deps: ForgetDeps, request: OwnForget): readonly SinkPreview[] {
  return [...batches(request.sinks)].flatMap((sinks) => {
    using places = new Places(deps, request);
    return inspectSinks(deps, { ...request, sinks }, places).map((inspected) => {
      if ('settled' in inspected) return inspected.settled;
      const { outcome, standing, bytes } = inspected.cut;
      return { ...outcome, ...(standing && { current: standing.bytes }), next: bytes ?? Buffer.alloc(0) };
    });
  });
}

async function forgetBatch(
  deps: ForgetDeps,
  request: OwnForget,
  { places, beforeWrite }: { readonly places: Places; readonly beforeWrite: BeforeWrite },
): Promise<readonly SinkOutcome[]> {
  const outcomes: SinkOutcome[] = [];
  const replacements: Replacement[] = [];
  for (const inspected of inspectSinks(deps, request, places)) {
    if ('settled' in inspected) outcomes.push(inspected.settled);
    else if (inspected.cut.bytes) replacements.push({ ...inspected.cut, bytes: inspected.cut.bytes });
    else outcomes.push(await removeFile(inspected.cut));
  }
  for (const { change, warnings, error } of await replaceTogether(deps, replacements, beforeWrite)) {
    outcomes.push(error ? failed(change.sink, error) : conclude(places, change, warnings));
  }
  return outcomes;
}

function conclude(places: Places, place: Replacement, warnings: readonly string[]): SinkOutcome {
  const { sink, outcome } = place;
  try {
    places.confirm(place);
    return { ...outcome, warnings: [...outcome.warnings, ...warnings] };
  } catch (error) {
    return { ...failed(sink, toErrorInfo(error)), bytesChanged: true };
  }
}

async function removeFile(cut: Cut): Promise<SinkOutcome> {
  const { sink, directory, name, outcome } = cut;
  try {
    refuseChanged(cut);
    directory.unlink(name);
  } catch (error) {
    return failed(sink, toErrorInfo(explain(error, 'SINK_WRITE_FAILED', sink.path)));
  }
  try {
    await directory.sync();
    return outcome;
  } catch (error) {
    const warning = `${directory.path}: not synced (${describeForeign(error)}): a power cut may bring back the file`;
    return { ...outcome, warnings: [...outcome.warnings, warning] };
  }
}
