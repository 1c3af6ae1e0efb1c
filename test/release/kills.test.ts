import { testKillsOfPass } from '../faults/kills.ts';

testKillsOfPass(1);
