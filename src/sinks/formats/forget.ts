import type { Forget } from '../contract.ts';
import { forgetAwsCredentials } from './aws/forget.ts';
import { forgetDotenv } from './dotenv/render.ts';
import { forgetJson } from './json/forget.ts';

/**
 * What is left of a sink's file without all that we put there: what is the user's keeps its bytes, and a file in which
 * nothing is left goes. What cannot be taken apart safely is refused.
 */
export const forgetSink: Forget = (existing, sink) => {
  switch (sink.format) {
    case 'aws-credentials':
      return forgetAwsCredentials(existing, sink);
    case 'dotenv':
      return forgetDotenv(existing, sink);
    case 'json':
      return forgetJson(existing, sink);
  }
};
