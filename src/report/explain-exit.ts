import { EXIT, type ExitCode } from '../core/exit.ts';

/** What an exit code says, in a line of `--help`. */
export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  [EXIT.done]: 'done; also while good credentials wait for a late source',
  [EXIT.usage]: 'the command line is wrong',
  [EXIT.noRole]: 'not there: role, metadata, metadata service, or a tool',
  [EXIT.internal]: 'an error in credrotate itself',
  [EXIT.sinkFailed]: 'a sink could not be written',
  [EXIT.consumerPending]: 'the files are right, but a consumer is still to be notified',
  [EXIT.unreachable]: 'source or agent unreachable, or only expired credentials',
  [EXIT.malformed]: 'what the source answered makes no sense',
  [EXIT.refused]: 'refused for safety, or denied by the source',
  [EXIT.config]: 'the configuration is wrong',
};

/** In rising order. */
export const EXIT_CODES: readonly ExitCode[] = Object.values(EXIT).sort((a, b) => a - b);

/** `77  refused for safety, or denied by the source` */
export function exitLine(exitCode: ExitCode): string {
  return `${String(exitCode).padStart(2)}  ${EXIT_MEANINGS[exitCode]}`;
}
