import type { Severity } from '../../src/core/findings.ts';
import type { Facts } from '../../src/doctor/contract.ts';

export interface Case {
  readonly severity: Severity;
  readonly triggers: readonly Facts[];
  /** Looks alike, and is well. */
  readonly spares: readonly Facts[];
  /** Is in the evidence. */
  readonly evidence: RegExp;
}
