// Half an hour of it.
process.env['SOAK_SECONDS'] ??= '1800';
await import('../system/soak.test.ts');
