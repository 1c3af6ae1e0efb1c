// These meet each kind of call; test/release tries every one.
import { testKillsOfPass, testOtherKills } from '../faults/kills.ts';

testKillsOfPass(7);
testOtherKills(7, 2);
