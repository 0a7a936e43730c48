/**
 * The benchmark: real processes on loopback, each pair measured in the same run.
 *
 *   npm run bench                         everything
 *   npm run bench -- --only first-sync    a part; --list names them
 *   npm run bench -- --scale 0.01         small, to see whether it runs
 *   npm run bench -- growth               the curves in results/
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { runBuilt } from '../e2e/command.ts';
import { WORKS } from './catalogue.ts';
import { grow, LARGEST, needsOfGrowth, RESULTS } from './growth.ts';
import { describeMachine, lackOf, type Machine, renderMachine } from './machine.ts';
import { renderMarkdown } from './markdown.ts';
import { missingPrograms } from './program.ts';
import { type Row, verdictOf } from './row.ts';
import { renderTable } from './table.ts';
import type { Bench, Work } from './work.ts';

const FAILED = 1;
/** It cannot be measured here: a program or room is missing, or the command line makes no sense. */
const CANNOT = 2;

interface Common {
  readonly rounds: number;
  readonly directory: string;
}

interface Flags extends Common {
  readonly scale: number;
  readonly json?: boolean;
  readonly markdown?: boolean;
  readonly only?: string[];
  readonly list?: boolean;
  readonly strict?: boolean;
}

const say = (line: string) => void process.stdout.write(`${line}\n`);
/** To people who wait; the standard output is the result alone. */
const progress = (line: string) => void process.stderr.write(`${line}\n`);

runBuilt();
const bench = common(new Command('bench'), 3)
  .description('Measures dfsync against the tools that operators know, on this machine.')
  .option('--scale <f>', 'shrinks all sizes, to try the benchmark itself', positive, 1)
  .option('--only <names>', 'only these rows, by name, separated by commas', names)
  .option('--list', 'name the rows')
  .option('--json', 'the result for machines')
  .option('--markdown', 'the table for the README')
  .option('--strict', 'exit 1 where a target is missed')
  .enablePositionalOptions()
  .addHelpText('after', '\nExit codes: 0 measured, 1 something failed, 2 it cannot be measured here.')
  .action(measure);
common(bench.command('growth'), 1)
  .description('Measures how the figures grow with files and peers; writes them as CSV and draws them.')
  .option('--into <dir>', 'where they are kept', RESULTS)
  .option('--up-to <files>', 'leaves out the larger sizes', positive, LARGEST)
  .action(measureGrowth);
try {
  await bench.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : CANNOT;
}

function common(command: Command, rounds: number): Command {
  return command
    .option('--rounds <n>', 'how often each pair is measured; the medians count', whole, rounds)
    .option('--directory <dir>', 'where it works; what it makes is removed at the end', tmpdir())
    .exitOverride();
}

async function measure(flags: Flags): Promise<void> {
  if (flags.list) return list();
  const works = selected(flags.only);
  const directory = workDirectory(flags.directory);
  const machine = describeMachine(directory);
  refuseUnless(works, flags, directory);
  progress(renderMachine(machine));
  const rows: Row[] = [];
  for (const work of works) {
    progress(`\n${work.title}`);
    const wanted = new Set(work.names.filter(name => flags.only?.includes(name) ?? true));
    rows.push(...(await run(work, { ...flags, directory, wanted, say: line => progress(`  ${line}`) })));
  }
  say(shown(flags, machine, rows));
  const verdicts = new Set(rows.map(verdictOf));
  process.exitCode = verdicts.has('FAILED') || (flags.strict && verdicts.has('missed')) ? FAILED : 0;
}

function shown({ json, markdown, rounds, scale }: Flags, machine: Machine, rows: readonly Row[]): string {
  if (json) return JSON.stringify({ machine, rounds, scale, rows: rows.map(withVerdict) }, null, 2);
  const small = scale === 1 ? '' : `\nat ${scale} times the full sizes: a trial, no figures that count\n`;
  return `\n${renderMachine({ ...machine, rounds })}\n${small}\n${markdown ? renderMarkdown(rows) : renderTable(rows)}`;
}

async function measureGrowth({ rounds, upTo, into, ...flags }: Common & { upTo: number; into: string }): Promise<void> {
  const directory = workDirectory(flags.directory);
  refuseUnless([needsOfGrowth(upTo)], { scale: 1, rounds }, directory);
  progress(renderMachine(describeMachine(directory)));
  const bench: Bench = { directory, rounds, scale: 1, wanted: new Set(), say: line => progress(`  ${line}`) };
  try {
    await grow(bench, upTo, into);
    say(`written: ${into}`);
  } catch (error) {
    progress(`FAILED ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = FAILED;
  }
}

/** What fails is a row that says so; the others are measured all the same. */
async function run(work: Work, bench: Bench): Promise<Row[]> {
  try {
    return await work.run(bench);
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    progress(`  FAILED ${failure}`);
    return [...bench.wanted].map(name => ({ name, title: name, failure }));
  }
}

function list(): void {
  for (const { names: rows, title } of WORKS) say(`${rows.join(', ').padEnd(24)}  ${title}`);
}

function selected(only: readonly string[] | undefined): Work[] {
  if (only === undefined) return [...WORKS];
  const known = WORKS.flatMap(work => work.names);
  const unknown = only.filter(name => !known.includes(name));
  if (unknown.length > 0) refuse([`there is no ${unknown.join(', ')}: say one of ${known.join(', ')}`]);
  return WORKS.filter(work => work.names.some(name => only.includes(name)));
}

/** A directory of its own that goes away with the process, however that ends. */
function workDirectory(parent: string): string {
  mkdirSync(parent, { recursive: true });
  const directory = mkdtempSync(join(resolve(parent), 'dfsync-bench-'));
  // Every network adds a listener, and all of them end with the process.
  process.setMaxListeners(0);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.prependOnceListener(signal, () => progress(`stopped by ${signal}: what was not yet told is lost`));
  // A process that was killed a moment ago may still be writing.
  process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
  // Networks of the tests are made in the system's temporary directory.
  process.env.TMPDIR = directory;
  return directory;
}

function refuseUnless(
  works: readonly Pick<Work, 'programs' | 'room'>[],
  { scale, rounds }: Pick<Flags, 'scale' | 'rounds'>,
  directory: string,
): void {
  const rooms = works.map(work => work.room(scale, rounds));
  // All of it stands until the end, see `emptyVolume`.
  const all = {
    bytes: rooms.reduce((sum, { bytes }) => sum + bytes, 0),
    files: rooms.reduce((sum, { files }) => sum + files, 0),
  };
  const lack = lackOf(all, directory);
  refuse([...missingPrograms(works.flatMap(({ programs }) => programs)), ...(lack === undefined ? [] : [lack])]);
  progress(`takes up to ${(all.bytes / 1e9).toFixed(1)} GB and ${Math.ceil(all.files)} files in ${directory}`);
}

function refuse(reasons: readonly string[]): void {
  if (reasons.length === 0) return;
  for (const reason of reasons) progress(reason);
  process.exit(CANNOT);
}

function withVerdict(row: Row): Row & { verdict: string } {
  return { ...row, verdict: verdictOf(row) };
}

function positive(raw: string): number {
  const value = Number(raw);
  if (!(value > 0)) throw new InvalidArgumentError('it is a number above 0.');
  return value;
}

function whole(raw: string): number {
  const value = positive(raw);
  if (!Number.isInteger(value)) throw new InvalidArgumentError('it is a whole number above 0.');
  return value;
}

function names(raw: string): string[] {
  return raw.split(',').map(name => name.trim());
}
