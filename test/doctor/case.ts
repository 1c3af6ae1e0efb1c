import type { Severity } from '../../src/core/findings.ts';
import type { DoctorFacts } from '../../src/doctor/contract.ts';

export interface Case {
  readonly severity: Severity;
  readonly triggers: readonly DoctorFacts[];
  /** Looks alike, and is well. */
  readonly spares: readonly DoctorFacts[];
  /** Is in the evidence. */
  readonly evidence: RegExp;
}
