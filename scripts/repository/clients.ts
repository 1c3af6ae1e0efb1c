/** What a host that uses the repository has: the place, and which keys may sign it. By their names in the repository. */
export function clientFiles(url: string): Readonly<Record<string, string>> {
  return {
    'credrotate.sources': `Types: deb
URIs: ${url}/apt
Suites: stable
Components: main
Signed-By: /usr/share/keyrings/credrotate-archive-keyring.asc
`,
    'credrotate.repo': `[credrotate]
name=credrotate
baseurl=${url}/rpm/$basearch
gpgkey=${url}/credrotate-archive-keyring.asc
gpgcheck=1
repo_gpgcheck=1
metadata_expire=6h
`,
  };
}
