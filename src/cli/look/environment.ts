import type { VariableFacts } from '../../doctor/contract.ts';
import { SHADOWS } from '../../doctor/environment.ts';
import type { LookDeps } from './contract.ts';
import { readFiles } from './files.ts';
import type { Shown } from '../../host/systemctl.ts';

/** The values of these are no secrets. */
const SHOWN: ReadonlySet<string> = new Set(['AWS_PROFILE', 'AWS_SHARED_CREDENTIALS_FILE']);
const NAMES: ReadonlySet<string> = new Set(SHADOWS);

/** `EnvironmentFiles=/etc/app/aws.env (ignore_errors=no)` */
export function filesOf(shown: Shown): readonly string[] {
  const lines = shown.get('EnvironmentFiles') ?? [];
  return lines.map((line) => line.replace(/ \(ignore_errors=\w+\)$/, '')).filter((path) => path.startsWith('/'));
}

/** The variables of a unit that matter to AWS clients: those of the unit, then those of its files. */
export async function readEnvironment(deps: LookDeps, shown: Shown): Promise<readonly VariableFacts[]> {
  const files = filesOf(shown);
  const texts = await readFiles(
    deps,
    files.filter((path) => !path.includes('*')),
  );
  const own = (shown.get('Environment') ?? []).flatMap(words);
  return [
    ...variables('Environment=', own),
    ...files.flatMap((path) => variables(path, (texts.get(path) ?? '').split(/\r?\n/))),
  ];
}

function variables(from: string, lines: readonly string[]): readonly VariableFacts[] {
  return lines.flatMap((line) => {
    const [, name = '', text = ''] = /^\s*(?:export\s+)?([A-Z_]+)\s*=(.*)$/.exec(line) ?? [];
    if (!NAMES.has(name)) return [];
    return [{ name, from, ...(SHOWN.has(name) && { value: text.trim().replace(/^(["'])(.*)\1$/, '$2') }) }];
  });
}

/** systemctl puts assignments with blanks and the like in quotes. */
function words(text: string): readonly string[] {
  const found = text.match(/\$?"(?:\\.|[^"\\])*"|\$?'(?:\\.|[^'\\])*'|[^\s"']\S*/g) ?? [];
  return found.map((word) => word.replace(/^\$?(["'])(.*)\1$/, '$2'));
}
