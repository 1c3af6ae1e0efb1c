import { AgentError } from '../core/errors.ts';
import type { SinkOutcome } from '../core/outcomes.ts';
import { ACTING_LIMITS } from './acting/patience.ts';
import { assign, type Share } from './assign.ts';
import type { ForgetRequest, ForgetResult, SinkPreview } from './contract.ts';
import { failed } from './failure.ts';
import { forgetOwn, previewForgetOwn } from './forget-own.ts';
import type { ForgetDeps } from './inspect.ts';

/**
 * Takes what is ours out of the sinks, under the promise under which it was written: atomically, with the mode and
 * owner that the file has, and comparing before the rename. A file in which nothing is left goes. What goes wrong with
 * a sink is its outcome and stops no other; never rejects.
 */
export async function forgetSinks(deps: ForgetDeps, request: ForgetRequest): Promise<ForgetResult> {
  const { own, shares, denied, trustedGroups } = await assign(deps, request, ACTING_LIMITS);
  const mine = { ...request, sinks: own, trustedGroups };
  const { outcomes, temps } = await forgetOwn(deps, mine, async (staged) => {
    const changing = staged.map(({ sink }) => sink.path);
    // Trouble with the journal is the caller's to report: a secret that stays would be worse than a temp file.
    await request
      .beforeWrite(
        staged.map(({ temp }) => temp),
        changing,
      )
      .catch(() => undefined);
  });
  return { outcomes: inOrder(request, [...outcomes, ...denied, ...refuseShares(shares)]), temps };
}

/** What it would do: changes nothing. Never rejects. */
export async function previewForget(
  deps: ForgetDeps,
  request: Omit<ForgetRequest, 'beforeWrite' | 'temps'>,
): Promise<readonly SinkPreview[]> {
  const { own, shares, denied, trustedGroups } = await assign(deps, request, ACTING_LIMITS);
  const previews = previewForgetOwn(deps, { ...request, sinks: own, trustedGroups, temps: [] });
  return inOrder(request, [...previews, ...denied, ...refuseShares(shares)]);
}

function refuseShares(shares: readonly Share[]): SinkOutcome[] {
  return shares.flatMap(({ user, sinks }) =>
    sinks.map((sink) => {
      const message = `${sink.path}: expected a path that only the agent's user controls, got one that uid ${user.uid} does too`;
      const hint = `run it as that user: setpriv --reuid=${user.uid} --regid=${user.gid} --init-groups credrotate forget …`;
      return failed(sink, new AgentError('SINK_UNSAFE_PATH', message, { hint }).toInfo());
    }),
  );
}

function inOrder<T extends SinkOutcome>({ sinks }: Pick<ForgetRequest, 'sinks'>, outcomes: readonly T[]): readonly T[] {
  const byPath = new Map(outcomes.map((outcome) => [outcome.path, outcome]));
  return sinks.flatMap(({ path }) => byPath.get(path) ?? []);
}
