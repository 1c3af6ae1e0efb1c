import { AgentError, toErrorInfo } from '../../core/errors.ts';
import { readToken, refuseExpired } from '../../source/token.ts';
import type { SourceFacts } from '../contract.ts';
import { type LookDeps, troubleOfAgent } from './deps.ts';

/** The tokens that sources show, which others have to renew. Those of variables are in another environment than ours. */
export function lookAtSources(deps: LookDeps, now: number): readonly SourceFacts[] {
  return deps.config.sources.flatMap((source) => {
    if (!('tokenFile' in source)) return [];
    const trouble = troubleOfToken(source.tokenFile, now);
    const token = troubleOfAgent(deps, `source ${source.name}`, trouble, ['SOURCE_UNREACHABLE']);
    return [{ name: source.name, ...(token && { token }) }];
  });
}

function troubleOfToken(path: string, now: number): SourceFacts['token'] {
  try {
    refuseExpired('token_file', readToken('token_file', path), now);
    return undefined;
  } catch (error) {
    if (error instanceof AgentError) return toErrorInfo(error);
    throw error;
  }
}
