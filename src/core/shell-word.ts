/** A word of a shell command that stands for exactly this text: what is copied may have been named by anybody. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
