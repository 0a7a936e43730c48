/** As converge.test.ts, with wrong clocks, and with lost and old caches; a file of its own, so that it runs beside that one. */
import { testSeeds } from './seeds.ts';

testSeeds('skews', 70);
testSeeds('memories', 70);
