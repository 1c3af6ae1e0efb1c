import assert from 'node:assert/strict';
import { AgentError, type ErrorCode } from '../../src/core/errors.ts';

/** For assert.rejects and assert.throws: an AgentError of this code, with a message and a hint like these. */
export function failure(code: ErrorCode, message: RegExp, hint: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert(error instanceof AgentError);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.match(error.hint ?? '', hint);
    return true;
  };
}
