import { type Finding, findingOf, found } from '../../core/findings.ts';
import type { SourceFacts } from '../contract.ts';

/** Reasons why a source gives nothing, or soon will not, that show without asking it. */
export function judgeSource({ name, token }: SourceFacts): readonly Finding[] {
  const problem = 'its token cannot be used: whoever has to renew it does not';
  return found(token && findingOf('token-unusable', { subject: `source ${name}`, problem }, token));
}
