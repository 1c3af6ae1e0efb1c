import { testOtherKills } from '../faults/kills.ts';

testOtherKills(1, 1);
