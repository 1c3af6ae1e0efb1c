/** The Debian packages that the tests beside this file need; a test whose package is missing is skipped, and says so. */
export const PACKAGES: readonly string[] = ['faketime', 'gcc', 'libc6-dev', 'python3'];
