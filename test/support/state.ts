import { EMPTY_STATE, memoryOf, withMemory, type AgentState, type SourceMemory } from '../../src/rotation/state.ts';

/** A state in which this is known of the instance. */
export function stateWith(memory: Partial<SourceMemory>, state: AgentState = EMPTY_STATE): AgentState {
  return withMemory(state, 'instance', { ...memoryOf(state, 'instance'), ...memory });
}
