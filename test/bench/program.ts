/** Programs of the system: whether they are there, and running one to its end. */
import { spawn, spawnSync } from 'node:child_process';
import type { Program } from './work.ts';

const PACKAGES: Readonly<Record<Program, string>> = {
  rsync: 'rsync',
  find: 'findutils',
  inotifywait: 'inotify-tools',
  flock: 'util-linux',
  sync: 'coreutils',
};

/** One line for each program that is not installed, with the Debian package that has it. */
export function missingPrograms(programs: Iterable<Program>): string[] {
  return [...new Set(programs)]
    .filter(program => spawnSync(program, ['--help'], { stdio: 'ignore' }).error !== undefined)
    .map(program => `${program} is not installed: apt-get install ${PACKAGES[program]}`);
}

/** Runs a program to its end; answers the milliseconds. Throws with what it said where it fails. Its output is dropped. */
export async function timed(file: string, args: readonly string[]): Promise<number> {
  const start = performance.now();
  await run(file, args);
  return performance.now() - start;
}

function run(file: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    // Whatever ends this process ends what it runs.
    const end = () => void child.kill('SIGKILL');
    process.on('exit', end);
    child.on('close', () => process.off('exit', end));
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.on('error', reject);
    child.on('close', code => (code === 0 ? resolve() : reject(new Error(`${file} ended with ${code}: ${said}`))));
  });
}
