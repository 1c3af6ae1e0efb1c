import type { SinkConfig } from '../../core/config.ts';
import { AgentError } from '../../core/errors.ts';
import { parseTemplate, placeholdersOf } from '../../core/template.ts';
import type { Forget, Format, OrRefusal, Render } from '../contract.ts';
import { awsCredentials } from './aws/render.ts';
import { dotenv } from './dotenv/render.ts';
import { json } from './json/render.ts';
import { refusal } from './text.ts';

const formats = new Map<SinkConfig['format'], Format<never>>([
  ['aws-credentials', awsCredentials],
  ['dotenv', dotenv],
  ['json', json],
]);

const LATE: Readonly<Partial<Record<SinkConfig['format'], () => Promise<Format<never>>>>> = {
  ini: async () => (await import('./ini.ts')).ini,
  properties: async () => (await import('./properties.ts')).properties,
  template: async () => (await import('./template.ts')).template,
  value: async () => (await import('./value.ts')).value,
};

/** Before a sink is rendered or forgotten: what is loaded only where a sink has such a format. */
export async function loadFormats(sinks: readonly SinkConfig[]): Promise<void> {
  for (const { format } of sinks) {
    const load = formats.has(format) ? undefined : LATE[format];
    if (load) formats.set(format, await load());
  }
}

/** Each is called with sinks of its own format alone. */
function formatOf(sink: SinkConfig): Format<SinkConfig> {
  const format = formats.get(sink.format);
  if (!format) throw new Error(`loadFormats was not called for ${sink.format}`);
  return format as Format<SinkConfig>;
}

/**
 * The new content of a sink's file. Total on any bytes: a file that cannot be changed safely is refused. Keeps all that
 * the format does not own, and gives the same bytes for the same credentials. At most twice as large as it was, and 64
 * KiB.
 */
export const renderSink: Render = (existing, credentials, sink, origin) =>
  orRefusal(() => {
    const made = formatOf(sink).render(existing, credentials, sink, origin);
    const most = sink.format === 'template' ? LARGEST : 2 * (existing?.length ?? 0) + 65_536;
    if (made.bytes.length <= most) return made;
    const message = `expected to write at most ${most} bytes, got ${made.bytes.length}`;
    throw refusal(message, 'correct the file by hand: it repeats places of ours');
  });

/** Of a file that can be read again. */
const LARGEST = 1024 * 1024;

/**
 * A sink's file without the credentials that we wrote: the user's parts keep their bytes, and a file with no other
 * content is removed. A file that cannot be taken apart safely is refused.
 */
export const forgetSink: Forget = (existing, sink) => orRefusal(() => formatOf(sink).forget(existing, sink));

/** A {@link refusal} that is thrown on the way becomes the result. */
function orRefusal<T>(make: () => T): OrRefusal<T> {
  try {
    return { ok: true, ...make() };
  } catch (error) {
    if (error instanceof AgentError && error.code === 'SINK_FORMAT_REFUSED')
      return { ok: false, error: error.toInfo() };
    throw error;
  }
}

/** Whether readers of a sink learn when the credentials expire. */
export function carriesExpiration(sink: SinkConfig): boolean {
  return fieldsOf(sink).some((field) => field.startsWith('expiration'));
}

/** The fields that are written beside the keys. */
function fieldsOf(sink: SinkConfig): readonly string[] {
  switch (sink.format) {
    case 'aws-credentials':
      return sink.expirationKey === undefined ? [] : ['expiration'];
    case 'dotenv':
      return [
        ...(sink.names.expiration === null ? [] : ['expiration']),
        ...(sink.others ?? []).map(({ field }) => field),
      ];
    case 'json':
      return 'shape' in sink.content ? ['expiration'] : Object.keys(sink.content.keys);
    case 'value':
      return [sink.field];
    case 'ini':
    case 'properties':
      return sink.keys.map(({ field }) => field);
    case 'template':
      return placeholdersOf(parseTemplate(sink.template, sink.delimiters)).map(({ field }) => field);
  }
}
