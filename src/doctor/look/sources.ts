import { basename } from 'node:path';
import type { FileConfig, ProcessConfig, SourceConfig } from '../../core/config.ts';
import type { Environment } from '../../core/contracts.ts';
import { AgentError, toErrorInfo } from '../../core/errors.ts';
import { readAsOwner } from '../../host/ask.ts';
import { refuseUnsafe } from '../../host/program.ts';
import { hasSystemd } from '../../host/tool.ts';
import { unreachable } from '../../source/faults.ts';
import { readToken, refuseExpired } from '../../source/token.ts';
import type { SourceFacts } from '../contract.ts';
import { type LookDeps, troubleOfAgent } from './deps.ts';

/** Tokens, programs and files of others that sources need. `env`: our own environment. */
export async function lookAtSources(deps: LookDeps, env: Environment, now: number): Promise<readonly SourceFacts[]> {
  // Below a service manager the agent has another environment than we.
  const variables = hasSystemd(deps.notify) ? {} : env;
  return await Promise.all(
    deps.config.sources.map(async (source) => ({ name: source.name, ...(await look(deps, source, variables, now)) })),
  );
}

async function look(
  deps: LookDeps,
  source: SourceConfig,
  env: Environment,
  now: number,
): Promise<Omit<SourceFacts, 'name'>> {
  if (source.type === 'process') return await lookAtProgram(deps, source);
  if (source.type === 'file') return await lookAtFile(deps, source);
  const [name, path] = tokenOf(source, env);
  const trouble = path === undefined ? undefined : troubleOfToken(name, path, now);
  const token = troubleOfAgent(deps, `source ${source.name}`, trouble, ['SOURCE_UNREACHABLE']);
  return { ...(token && { token }) };
}

/** Settings take the place of variables as a whole. */
function tokenOf(source: SourceConfig, env: Environment): readonly [name: string, path: string | undefined] {
  if ('tokenFile' in source) return ['token_file', source.tokenFile];
  const variable =
    source.type === 'container' && source.endpoint === undefined
      ? 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'
      : source.type === 'web_identity'
        ? 'AWS_WEB_IDENTITY_TOKEN_FILE'
        : undefined;
  return variable === undefined ? ['', undefined] : [variable, env[variable] || undefined];
}

function troubleOfToken(name: string, path: string, now: number): SourceFacts['token'] {
  try {
    refuseExpired(name, readToken(name, path), now);
    return undefined;
  } catch (error) {
    if (error instanceof AgentError) return toErrorInfo(error);
    throw error;
  }
}

/** With which saml2aws asks nobody. */
const SILENT = '--skip-prompt';

async function lookAtProgram(
  { notify, signal, ...deps }: LookDeps,
  source: ProcessConfig,
): Promise<Partial<SourceFacts>> {
  const { name, command } = source;
  const [path = ''] = command;
  const trouble = await refuseUnsafe(notify, command, unreachable, signal).then(
    () => undefined,
    (error: unknown) => toErrorInfo(error),
  );
  signal.throwIfAborted();
  const denials = ['SOURCE_UNREACHABLE', 'CONSUMER_UNINSPECTABLE'] as const;
  const helper = troubleOfAgent({ notify, signal, ...deps }, `source ${name}`, trouble, denials);
  return { ...(helper && { helper }), ...(!command.includes(SILENT) && { program: basename(path) }) };
}

async function lookAtFile(
  { notify, signal, miss }: LookDeps,
  { name, path }: FileConfig,
): Promise<Partial<SourceFacts>> {
  try {
    const file = await readAsOwner(notify, { use: 'source', path, most: 0 }, signal);
    return { file: { path, ...(file && { writtenAt: file.writtenAt }) } };
  } catch (error) {
    signal.throwIfAborted();
    miss({ subject: `source ${name}`, reason: toErrorInfo(error).message });
    return {};
  }
}
