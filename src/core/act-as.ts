/** The options with which the program acts for the agent; the arguments of the first are made by `system/become.ts`. */
export const ACT_AS = '--act-as';
/** As root, where a file system may let it wait. */
export const ACT_AS_ROOT = '--act-as-root';
