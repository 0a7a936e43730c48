/** Preloaded into a process of the program (`node --import`): its clock is so many milliseconds ahead of the machine's. */
import process from 'node:process';

const ahead = Number(process.env.CLOCK_AHEAD_MS);
const now = Date.now;
Date.now = () => now() + ahead;
