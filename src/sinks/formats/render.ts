import type { SinkConfig } from '../../core/config.ts';
import type { Field } from '../../core/fields.ts';
import { parseTemplate, placeholdersOf } from '../../core/template.ts';
import type { Forget, Format, Render } from '../contract.ts';
import { forgetAwsCredentials, renderAwsCredentials } from './aws/render.ts';
import { forgetDotenv, renderDotenv } from './dotenv/render.ts';
import { forgetJson, renderJson } from './json/render.ts';
import { refusal, rendered } from './text.ts';

const LATE = {
  ini: async () => (await import('./ini.ts')).ini,
  properties: async () => (await import('./properties.ts')).properties,
  template: async () => (await import('./template.ts')).template,
  value: async () => (await import('./value.ts')).value,
} as const;

const loaded = new Map<SinkConfig['format'], Format<never>>();

/** Before a sink is rendered or forgotten: what is loaded only where a sink has such a format. */
export async function loadFormats(sinks: readonly SinkConfig[]): Promise<void> {
  for (const { format } of sinks) if (format in LATE) loaded.set(format, await LATE[format as keyof typeof LATE]());
}

/** Each is called with sinks of its own format alone. */
function lateFormat(sink: SinkConfig): Format<SinkConfig> {
  const format = loaded.get(sink.format);
  if (!format) throw new Error(`loadFormats was not called for ${sink.format}`);
  return format as Format<SinkConfig>;
}

/**
 * The new content of a sink's file. Total on any bytes: a file that cannot be changed safely is refused. Keeps all that
 * the format does not own, and gives the same bytes for the same credentials. At most twice as large as it was, and 64
 * KiB.
 */
export const renderSink: Render = (existing, credentials, sink, origin) => {
  const made = renderFormat(existing, credentials, sink, origin);
  const most = sink.format === 'template' ? LARGEST : 2 * (existing?.length ?? 0) + 65_536;
  if (!made.ok || made.bytes.length <= most) return made;
  const message = `expected to write at most ${most} bytes, got ${made.bytes.length}`;
  return { ok: false, error: refusal(message, 'correct the file by hand: it repeats places of ours').toInfo() };
};

/** Of a file that can be read again. */
const LARGEST = 1024 * 1024;

const renderFormat: Render = (existing, credentials, sink, origin) => {
  switch (sink.format) {
    case 'aws-credentials':
      return renderAwsCredentials(existing, credentials, sink, origin);
    case 'dotenv':
      return renderDotenv(existing, credentials, sink, origin);
    case 'json':
      return renderJson(existing, credentials, sink, origin);
    default:
      return rendered(() => lateFormat(sink).render(existing, credentials, sink, origin));
  }
};

/**
 * A sink's file without the credentials that we wrote: the user's parts keep their bytes, and a file with no other
 * content is removed. A file that cannot be taken apart safely is refused.
 */
export const forgetSink: Forget = (existing, sink) => {
  switch (sink.format) {
    case 'aws-credentials':
      return forgetAwsCredentials(existing, sink);
    case 'dotenv':
      return forgetDotenv(existing, sink);
    case 'json':
      return forgetJson(existing, sink);
    default:
      return rendered(() => lateFormat(sink).forget(existing, sink));
  }
};

/** Whether readers of a sink learn when the credentials expire. */
export function carriesExpiration(sink: SinkConfig): boolean {
  switch (sink.format) {
    case 'aws-credentials':
      return sink.expirationKey !== undefined;
    case 'dotenv':
      return sink.names.expiration !== null || (sink.others ?? []).some(isExpiration);
    case 'json':
      return 'shape' in sink.content || Object.keys(sink.content.keys).some(isExpirationField);
    case 'value':
      return isExpiration(sink);
    case 'ini':
    case 'properties':
      return sink.keys.some(isExpiration);
    case 'template':
      return placeholdersOf(parseTemplate(sink.template, sink.delimiters)).some(isExpiration);
  }
}

function isExpiration({ field }: { readonly field: Field }): boolean {
  return isExpirationField(field);
}

function isExpirationField(field: string): boolean {
  return field.startsWith('expiration');
}
