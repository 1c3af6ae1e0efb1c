/** Where a runner has built the executable for all files, it says so here. */
export const PRODUCT_VARIABLE = 'CREDROTATE_TEST_PRODUCT';

/** Path of the executable, of the sources as they are. */
export const executable = process.env[PRODUCT_VARIABLE] ?? (await (await import('../../scripts/build.ts')).build());
