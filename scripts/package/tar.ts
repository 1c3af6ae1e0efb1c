import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Installed } from './contents.ts';
import { VERSION, type Order } from './product.ts';
import { stage } from './stage.ts';

/** For systems without apt and dnf: all that the packages install, to be unpacked at the root. */
export async function buildTar(directory: string, installed: readonly Installed[], order: Order): Promise<string> {
  const name = `credrotate-${VERSION}`;
  stage(join(directory, name), installed, order.date);
  const made = join(directory, 'made.tar.xz');
  const same = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', `--mtime=@${String(order.date)}`];
  const env = { ...process.env, XZ_OPT: order.fast ? '-0' : '-6' };
  await promisify(execFile)('tar', [...same, '--xz', '-cf', made, '-C', directory, name], { env });
  return made;
}
