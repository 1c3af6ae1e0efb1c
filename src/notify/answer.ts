import { toErrorInfo } from '../core/errors.ts';
import { judgeCommand } from '../paths/command.ts';
import type { Question } from './ask.ts';
import { lookAtPidFile } from './pid-file.ts';

/**
 * What this process finds with its own rights, which are the ones that are asked for by now, as a line of JSON. It may
 * wait: whoever asked does so only until a deadline. Undefined when the line, which is the agent's, asks something else.
 */
export function answer(line: string, uid: number): string | undefined {
  const question = JSON.parse(line) as Question | { readonly kind: 'other' };
  if (question.kind !== 'judge' && question.kind !== 'pid-file') return undefined;
  try {
    return JSON.stringify(look(question, uid));
  } catch (error) {
    const { code, message, hint } = toErrorInfo(error, 'CONSUMER_UNINSPECTABLE');
    return JSON.stringify({ error: { code, message, ...(hint !== undefined && { hint }) } });
  }
}

function look(question: Question, uid: number): object {
  const walker = { uid, mayWait: true };
  return question.kind === 'judge'
    ? { faults: judgeCommand(question.command, walker) }
    : lookAtPidFile(question.path, walker);
}
