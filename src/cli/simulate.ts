import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../core/exit.ts';
import type { Fault } from '../simulator/faults.ts';
import { parseFault } from '../simulator/parse-fault.ts';
import { createSimulator } from '../simulator/simulator.ts';
import { durationOption, portOption } from './options.ts';
import type { Run, World } from '../agent/world.ts';

interface SimulateOptions {
  readonly port: number;
  readonly lifetime: number;
  readonly rotateEvery: number;
  /** False with --no-role. */
  readonly role: string | false;
  readonly userData?: string;
  readonly fault?: readonly Fault[];
  readonly v1?: true;
}

export function addSimulate(program: Command, run: Run): void {
  program
    .command('simulate')
    .summary('stand in for the metadata service, on loopback')
    .description('Answer like the instance metadata service, on loopback, with made-up credentials that rotate.')
    .addOption(portOption('--port <number>', 'the port; 0 takes any free one').default(1338))
    .addOption(durationOption('--lifetime <duration>', 'how long credentials are good').default(21_600_000, '6h'))
    .addOption(durationOption('--rotate-every <duration>', 'how often new ones come').default(3_600_000, '1h'))
    .option('--role <name>', 'the role', 'demo-role')
    .option('--no-role', 'an instance without a role')
    .option('--user-data <file>', 'what /latest/user-data gives')
    .option(
      '--fault <fault>',
      'AT=KIND[:VALUE][,times=N][,probability=P], such as credentials=status:503,times=2',
      (text, before?: readonly Fault[]) => [...(before ?? []), parseFault(text)],
    )
    .option('--v1', 'answer requests without a token too')
    .action((options: SimulateOptions) => run((world) => simulate(world, options)));
}

async function simulate(world: World, options: SimulateOptions): Promise<ExitCode> {
  const { port, lifetime, rotateEvery, role, userData, fault, v1 } = options;
  const simulator = await createSimulator({
    port,
    lifetime,
    rotateEvery,
    role: role === false ? null : role,
    ...(userData !== undefined && { userData: await readFile(userData) }),
    ...(fault && { faults: fault }),
    ...(v1 && { v1 }),
  });
  // Version 2.9 of the AWS CLI puts its path behind the endpoint as it is.
  const endpoint = `${simulator.url}/`;
  world.print(`metadata service simulated; use it with:\nexport AWS_EC2_METADATA_SERVICE_ENDPOINT=${endpoint}\n`);
  await world.stopped();
  await simulator.close();
  return EXIT.done;
}
