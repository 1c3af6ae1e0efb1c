import { mkdirSync, chownSync, existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { survive, type Attack } from './attack-scene.ts';
import { CANARY, MALLORY, type Ground } from './attack-ground.ts';

const below = ({ home }: Ground, ...names: readonly string[]): string => join(home, ...names);

function makeOwn(ground: Ground, name: string): void {
  if (existsSync(below(ground, name))) return;
  mkdirSync(below(ground, name), { mode: 0o700 });
  chownSync(below(ground, name), MALLORY, MALLORY);
}

/** Each for so many seconds: a minute and more in all. */
const ATTACKS: readonly (readonly [seconds: number, attack: Attack])[] = [
  [
    15,
    {
      what: 'parents <-> links to directories of root',
      sinks: [`a/${CANARY}`, 'a/new.env', `b/${CANARY}`, 'b/made/new.env'],
      attackers: (ground) => [
        ['parent', below(ground, 'a'), ground.closed],
        ['parent', below(ground, 'b'), ground.open],
      ],
    },
  ],
  [
    15,
    {
      what: 'sink <-> link, FIFO, huge file, hard link',
      sinks: ['a.env', 'b.env', 'calm.env'],
      plant: (ground) => {
        ground.linkAt(below(ground, 'a.env.hard'));
      },
      attackers: (ground) => [
        ['sink', below(ground, 'a.env'), join(ground.closed, CANARY)],
        ['sink', below(ground, 'b.env'), join(ground.open, CANARY)],
      ],
    },
  ],
  [
    15,
    {
      what: 'temp files as they appear',
      sinks: ['a.env', 'b.env'],
      attackers: (ground) => [
        ['temps', below(ground, 'a.env'), join(ground.closed, CANARY)],
        ['temps', below(ground, 'b.env'), join(ground.open, CANARY)],
      ],
    },
  ],
  [
    10,
    {
      what: 'a directory moved away in a pass',
      sinks: ['a/a.env', `a/${CANARY}`, 'a/made/b.env'],
      attackers: (ground) => [['away', below(ground, 'a'), ground.closed]],
    },
  ],
  [
    10,
    {
      what: 'a directory of root in the home',
      sinks: [`a/${CANARY}`, 'a/new.env'],
      plant: (ground) => {
        makeOwn(ground, 'a');
        if (!existsSync(below(ground, 'of-root'))) ground.plantDirectory('of-root');
      },
      attackers: (ground) => [['parent', below(ground, 'a'), below(ground, 'of-root')]],
    },
  ],
  [
    10,
    {
      what: 'kill -9 of what acts as the user',
      sinks: ['a.env', 'b.env'],
      attackers: () => [['signal', String(constants.signals.SIGKILL)]],
    },
  ],
  [
    1,
    {
      what: 'what acts as the user, stopped',
      sinks: ['a.env'],
      attackers: () => [['signal', String(constants.signals.SIGSTOP)]],
    },
  ],
];

describe('a hostile user beside passes of root', () => {
  for (const [seconds, attack] of ATTACKS) {
    test(attack.what, async (t) => {
      await survive(t, attack, seconds);
    });
  }
});
