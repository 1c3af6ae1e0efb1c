import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Command } from 'commander';
import { describeProgram } from '../../src/cli/program.ts';

const program = await describeProgram('0.0.0');

function below(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(below)];
}

/** All that `--help` prints, with what stands below the lists. */
function helpOf(command: Command): string {
  const texts: string[] = [];
  command.configureOutput({ writeOut: (text) => texts.push(text), getOutHelpWidth: () => 80 }).outputHelp();
  return texts.join('');
}

describe('--help', () => {
  for (const command of below(program)) {
    const name = nameOf(command);
    test(`${name} fits a terminal of 80 columns`, () => {
      for (const line of helpOf(command).split('\n')) assert.ok(line.length <= 80, line);
    });

    test(`${name} is written like the others`, () => {
      assert.match(command.description(), /^[A-Z][^]*\.$/);
      if (command !== program && !isHidden(command)) assert.match(command.summary(), /^[a-z][^]*[^.]$/);
      for (const { flags, description } of command.options)
        assert.match(description, /^(?:[a-z-]|AT=)[^]*[^.]$/, flags);
      for (const argument of command.registeredArguments) assert.match(argument.description, /^[a-z][^]*[^.]$/);
    });
  }

  test('names every command but those for shells, and the exit codes', () => {
    const text = helpOf(program);
    for (const command of program.commands)
      assert.equal(text.includes(`\n  ${command.name()} `), !isHidden(command), command.name());
    assert.match(text, /^ {2}77 {2}refused for safety/m);
  });
});

function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}

function isHidden(command: Command): boolean {
  return command.parent !== null && !command.parent.createHelp().visibleCommands(command.parent).includes(command);
}
