import type { Site } from './site.ts';

/** What is measured, and where. */
export interface Setting {
  /** dist/credrotate. */
  readonly executable: string;
  /** The pinned Node, as the executable contains it. */
  readonly node: string;
  /** The same sources in one script for that Node, to see what the packaging costs or gains. */
  readonly plainBundle: string;
  /** Path of the AWS CLI, where there is one. */
  readonly aws?: string | undefined;
  readonly site: Site;
}
