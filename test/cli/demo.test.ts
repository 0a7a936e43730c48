import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { agreementLine, domainLines, formatBytes } from '../../src/cli/demo-lines.ts';
import type { Status } from '../../src/ops/status.ts';
import { Command } from '../e2e/command.ts';
import { Hopeless, until } from '../e2e/until.ts';
import { sampleDomain, samplePeer, sampleStatus } from '../ops/status-sample.ts';

describe('the demonstration network', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'dfsync-demo-test-'));
  process.env.TMPDIR = scratch;
  let command: Command;
  after(() => rmSync(scratch, { recursive: true, force: true }));
  afterEach(() => command.signal('SIGKILL'));

  const printed = (pattern: RegExp) => {
    const look = () => {
      const ended = command.exit !== undefined;
      const found = command.output.match(pattern);
      if (!found && ended) throw new Hopeless('the demo has ended');
      return found;
    };
    return until(`the demo to print ${pattern}`, look, { evidence: () => command.output });
  };
  const started = async () => {
    command = new Command(['demo']);
    await printed(/ s2 {2}common /);
    return (await printed(/all on this machine, in (\S+)/))[1]!;
  };
  /** Ids of the processes that a network in a directory consists of: all of them are told something in it. */
  const processesOf = (directory: string) =>
    readdirSync('/proc').filter(pid => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory);
      } catch {
        return false;
      }
    });
  const noneLeft = (directory: string) =>
    until('every process to have ended', () => processesOf(directory).length === 0, {
      evidence: () => processesOf(directory).join(' '),
    });

  it('comes in sync; a dropped file arrives everywhere; SIGINT ends and removes everything', async () => {
    const directory = await started();
    const agreed =
      /everybody has the same: common \((\d+) files on 4 servers\), acme \(\d+ .* on 4 .*\), local \(2 .* on 2 .*\)/;
    const files = Number((await printed(agreed))[1]);
    writeFileSync(join(directory, 's2', 'common', 'dropped.txt'), 'a drop');
    writeFileSync(join(directory, 'n1', 'local', 'inner.txt'), 'for north');
    const copies = ['n1', 'n2', 's1'].map(name => join(directory, name, 'common', 'dropped.txt'));
    for (const copy of copies)
      await until(`${copy} to be there`, () => readFileSync(copy, 'utf8') === 'a drop', {
        evidence: () => command.output,
      });
    await printed(new RegExp(` n1 {2}common +\\S+ +files ${files + 1} `));
    await until('the local file', () => existsSync(join(directory, 'n2', 'local', 'inner.txt')));
    assert.ok(!existsSync(join(directory, 's1', 'local')), 'a domain of north only is on south');

    assert.ok(processesOf(directory).length >= 4);
    command.signal('SIGINT');
    assert.deepEqual(await command.exited, { code: 0, signal: null }, command.output);
    assert.match(command.output, /stopped; .* is removed\n$/);
    await noneLeft(directory);
    assert.ok(!existsSync(directory));
  });

  it('leaves no process behind when it is killed', async () => {
    const directory = await started();
    command.signal('SIGKILL');
    await command.exited;
    await noneLeft(directory);
  });

  it('says which instance died, shows the end of its log, stops the others and exits 1', async () => {
    const directory = await started();
    const config = join(directory, 'network.json');
    const victim = await until('the process of s1', () =>
      processesOf(directory).find(pid => {
        const [program, ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return program !== 'sh' && args.includes(config) && args.includes(join(directory, 's1'));
      }),
    );
    const log = join(directory, 's1.log');
    await until('a line in the log of s1', () => existsSync(log) && readFileSync(log, 'utf8').includes('\n'));
    process.kill(Number(victim), 'SIGKILL');
    assert.equal((await command.exited).code, 1, command.output);
    assert.match(command.output, /s1 ended although nobody asked it to, exit code 137; the end of .*s1\.log:\n {2}\S/);
    assert.match(command.output, new RegExp(`stopped; ${directory} is left as it is`));
    await noneLeft(directory);
    assert.ok(existsSync(log));
  });
});

describe('the lines of the demonstration', () => {
  const lines: [name: string, status: Status, line: string][] = [
    [
      'a domain behind a peer',
      sampleStatus(),
      'n1  acme    in-sync   files 3  size 4.1 kB  lag 2 s  mismatched 4  digest 00000000',
    ],
    [
      'a domain without peers yet',
      sampleStatus({ peers: [samplePeer({ domains: [] })] }),
      'n1  acme    in-sync   files 3  size 4.1 kB  lag 0 s  mismatched 0  digest 00000000',
    ],
    [
      'a halted domain, with the reason',
      sampleStatus({ peers: [], domains: [sampleDomain({ state: 'halted', reason: 'unmounted' })] }),
      'n1  acme    halted    files 3  size 4.1 kB  lag 0 s  mismatched 0  digest 00000000  unmounted',
    ],
  ];
  for (const [name, status, line] of lines)
    it(name, () => assert.deepEqual([...domainLines('n1', status)], [['acme.example', line]]));

  const same = sampleStatus();
  const agreements: [name: string, statuses: (Status | undefined)[], agreed: boolean][] = [
    ['all the same', [same, same], true],
    ['nobody there yet', [], false],
    ['somebody does not answer', [same, undefined], false],
    ['somebody is not ready', [same, sampleStatus({ domains: [sampleDomain({ state: 'syncing' })] })], false],
    ['somebody has another digest', [same, sampleStatus({ domains: [sampleDomain({ digest: 'ff' })] })], false],
    ['somebody does not serve the domain', [same, same, sampleStatus({ domains: [] })], true],
  ];
  for (const [name, statuses, agreed] of agreements)
    it(`${name}: ${agreed ? 'agreement' : 'none'}`, () =>
      assert.equal(
        agreementLine(statuses),
        agreed ? 'everybody has the same: acme (3 files on 2 servers)' : undefined,
      ));

  const sizes: [bytes: number, text: string][] = [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [99_400, '99.4 kB'],
    [123_456, '123 kB'],
    [999_700, '1.0 MB'],
    [5e15, '5000 TB'],
  ];
  for (const [bytes, text] of sizes) it(`${bytes} bytes: ${text}`, () => assert.equal(formatBytes(bytes), text));
});
