import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { array, literal, parse, picklist, record, strictObject, string, tuple } from 'valibot';
import { parse as parseYaml } from 'yaml';
import { provideTools } from '../../scripts/package/tools.ts';

test('the template for Packer is valid, as far as Packer knows without AWS', async () => {
  await provideTools({ packer: 'packer' });
  const env = { ...process.env, CHECKPOINT_DISABLE: '1' };
  // Nobody is asked: there is no network.
  const packer = ['--net', 'packer'];
  const template = 'packaging/packer/credrotate.pkr.hcl';
  await promisify(execFile)('unshare', [...packer, 'validate', template], { env });
  await promisify(execFile)('unshare', [...packer, 'fmt', '-check', template], { env });
});

/** What AWS's reference names for documents of this kind, as far as ours has it. */
const SSM = strictObject({
  schemaVersion: literal('2.2'),
  description: string(),
  parameters: record(
    string(),
    strictObject({ type: literal('String'), description: string(), default: string(), allowedValues: array(string()) }),
  ),
  mainSteps: tuple([
    strictObject({
      name: string(),
      action: literal('aws:runShellScript'),
      precondition: strictObject({ StringEquals: tuple([literal('platformType'), picklist(['Linux'])]) }),
      inputs: strictObject({ timeoutSeconds: string(), runCommand: array(string()) }),
    }),
  ]),
});

test('the document for Systems Manager has the form of one', () => {
  parse(SSM, parseYaml(readFileSync('packaging/ssm/credrotate.yaml', 'utf8')));
});
