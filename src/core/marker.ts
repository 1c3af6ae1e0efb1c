/**
 * The first line of a file that we make, where its format has comments. Without brackets, quotes, `;` and `=`: PHP, which
 * has no such comments, would lose the file.
 */
export const MARKER = '# Kept by credrotate, changes to these keys are overwritten';
