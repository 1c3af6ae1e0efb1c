import packageJson from '../../package.json' with { type: 'json' };

/** What the executable was made of; the build says so. */
declare const CREDROTATE_COMMIT: string | undefined;

/** What is inside, a line each: for reports of errors, and for whoever asks which of them a warning concerns. */
export function describeVersions(): string {
  const commit = typeof CREDROTATE_COMMIT === 'string' ? CREDROTATE_COMMIT : 'unknown';
  const parts = { commit, node: process.versions.node, ...packageJson.dependencies };
  const lines = Object.entries(parts).map(([name, version]) => `  ${name} ${version}\n`);
  return `credrotate ${packageJson.version}\n${lines.join('')}`;
}
