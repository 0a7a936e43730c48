// The pods of "helm test": one writes a file, the other one waits for it on another volume. ROLE, FILE, TEXT, SECONDS, URL.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const { ROLE, FILE, TEXT, SECONDS, URL } = process.env;

/** Looks every half second; ends the process where it was in vain. */
async function until(what, isSo) {
  const end = Date.now() + Number(SECONDS) * 1000;
  while (!(await isSo())) {
    if (Date.now() > end) {
      process.stderr.write(
        `waited ${SECONDS} s in vain until ${what}; look at /readyz?verbose and /status of the pods\n`,
      );
      process.exit(1);
    }
    await sleep(500);
  }
  process.stdout.write(`${what}\n`);
}

switch (ROLE) {
  case 'write':
    mkdirSync(dirname(FILE), { recursive: true });
    writeFileSync(FILE, TEXT);
    process.stdout.write(`${FILE} is written\n`);
    break;
  case 'wait':
    await until(`${FILE} has arrived`, () => existsSync(FILE) && readFileSync(FILE, 'utf8') === TEXT);
    // The deletion goes the way back.
    rmSync(FILE);
    break;
  case 'ask':
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    await until(`${URL} is ready`, async () => (await fetch(URL).catch(() => undefined))?.status === 200);
    break;
  default:
    throw new Error(`ROLE is write, wait or ask, and not ${ROLE}`);
}
