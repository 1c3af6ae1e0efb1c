/** How root reaches a file, and what has to be open so that it can be replaced. */
export interface Way {
  /** The file's path, as it was asked for. */
  readonly path: string;
  /**
   * The nearest directory that is there. Of a user's path the first directory that is the user's, since what lies
   * behind can be another one at any time; of one on another machine, the mount point.
   */
  readonly opening: string;
  /** Who works there: root, a user's process, or whoever can be found only behind the mount point. */
  readonly worker: 'root' | 'user' | 'remote';
  /** Root has to override the rights of a file of somebody else, or of a directory that is closed even to its owner. */
  readonly overrides: boolean;
  /** Every directory and symlink on the way. */
  readonly passed: readonly string[];
}
