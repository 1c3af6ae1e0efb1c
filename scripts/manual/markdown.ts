import { format } from 'prettier';
import { EXIT_CODES, EXIT_MEANINGS } from '../../src/core/exit.ts';
import { withCommandsBelow, type CommandShape, type OptionShape } from './command-line.ts';
import { DESCRIPTION as ABOUT_THE_FILE, EXAMPLE } from './configuration-page.ts';
import { ENVIRONMENT, FILES, SIGNALS } from './program-page.ts';
import type { Setting, Settings } from './settings.ts';

/** docs/commands.md. */
export async function commandsPage(program: CommandShape): Promise<string> {
  const commands = program.commands.flatMap(withCommandsBelow);
  const callable = commands.filter((command) => command.commands.length === 0);
  const [common = [], ...others] = callable.map(({ options: shapes }) => shapes.filter(isTold));
  const shared = common.filter(({ term }) => others.every((shapes) => shapes.some((one) => one.term === term)));
  const isOwn = (option: OptionShape): boolean => !shared.some(({ term }) => term === option.term);
  return await markdown([
    '# Command reference',
    'All commands with their options, as `credrotate COMMAND --help` and credrotate(8) have them. `npm run reference` makes this page.',
    '## credrotate',
    options(program.options.filter(isTold)),
    'Every command takes these as well:',
    options(shared),
    ...commands.flatMap((command) => describe(command, command.options.filter(isTold).filter(isOwn))),
    '## Exit codes',
    list(EXIT_CODES.map((code) => [String(code), EXIT_MEANINGS[code]])),
    '[Errors and exit codes](errors.md) says which errors lead to each.',
    '## Signals',
    list(Object.entries(SIGNALS)),
    '## Environment',
    list(Object.entries(ENVIRONMENT)),
    '## Files',
    list(Object.entries(FILES)),
  ]);
}

/** docs/configuration.md. */
export async function configurationReference(sections: readonly Settings[]): Promise<string> {
  const [top, ...others] = sections;
  return await markdown([
    '# Configuration reference',
    'All settings, as credrotate.yaml(5) has them. `npm run reference` makes this page from the schema.',
    ...ABOUT_THE_FILE,
    `\`\`\`yaml\n${EXAMPLE}\`\`\``,
    '## Sections',
    settings(top?.settings ?? []),
    ...others.flatMap(({ title, settings: inner }) => [`## ${title}`, settings(inner)]),
  ]);
}

function isTold({ names }: OptionShape): boolean {
  return !names.includes('--help');
}

function describe(command: CommandShape, own: readonly OptionShape[]): readonly string[] {
  return [
    `## credrotate ${command.path.join(' ')}`,
    `\`credrotate ${command.usage.replace(/^credrotate /, '')}\``,
    command.description,
    list(command.arguments.map(({ term, description }) => [term, description])),
    options(own),
    command.more === '' ? '' : `\`\`\`\n${command.more}\n\`\`\``,
  ];
}

function options(shapes: readonly OptionShape[]): string {
  return list(shapes.map(({ term, description }) => [term, description]));
}

function settings(shapes: readonly Setting[]): string {
  return list(
    shapes.map(({ name, expected, description, standard, isRequired }) => {
      const notes = [
        expected,
        ...(isRequired ? ['**required**'] : []),
        ...(standard === undefined ? [] : [`default: ${standard === '' ? 'empty' : `\`${standard}\``}`]),
      ];
      return [name, `${description} _Takes_ ${notes.join('; ')}.`];
    }),
  );
}

function list(entries: readonly (readonly [term: string, meaning: string])[]): string {
  return entries.map(([term, meaning]) => `- \`${term}\`: ${meaning}`).join('\n');
}

async function markdown(parts: readonly string[]): Promise<string> {
  const text = parts.filter((part) => part !== '').join('\n\n');
  return await format(text, { parser: 'markdown', proseWrap: 'always', printWidth: 120 });
}
