/** One word of a shell command: of bash, zsh and POSIX shells. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
