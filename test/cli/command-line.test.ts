import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { READINGS } from '../../src/ops/readings.ts';
import { oneSite, role, server } from '../config/networks.ts';
import { Command, runCommand } from '../e2e/command.ts';
import { freePort } from '../e2e/ports.ts';
import { until } from '../e2e/until.ts';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

const scratch = mkdtempSync(join(tmpdir(), 'dfsync-command-'));
const config = join(scratch, 'network.json');
const root = join(scratch, 'root');
before(() => {
  mkdirSync(root);
  const servers = [1, 2].map(roleid =>
    server(roleid, { address: `127.0.0.1:${7420 + roleid}`, roles: [role(roleid, { iface: 'lo' })] }),
  );
  writeFileSync(config, JSON.stringify(oneSite(...servers)));
});
after(() => rmSync(scratch, { recursive: true, force: true }));

const noStack = (output: string) => assert.doesNotMatch(output, /^\s+at /m, 'no stack trace');

/** Every flag of `run` that takes part in the configuration; what `--help` and the README have to name. */
const FLAGS = [
  '--config',
  '--roleid',
  '--server',
  '--root',
  '--listen',
  '--ops-listen',
  '--token-file',
  '--read-token-file',
  '--admin-token-file',
  '--tls-cert',
  '--tls-key',
  '--tls-ca',
  '--ops-tls-cert',
  '--ops-tls-key',
  '--insecure',
  '--require-volume',
  '--new-identity',
  '--log-level',
  '--log-format',
];
/** The commands that call a running instance. */
const OPERATING = [
  ...['status', 'peers', 'mismatches', 'why', 'verify', 'wait', 'pause', 'resume', 'rescan', 'healthcheck'],
  ...['release', 'accept-remote', 'accept-local', 'undo', 'trash', 'redate'],
];
const variableOf = (flag: string) => `DFSYNC_${flag.slice(2).toUpperCase().replaceAll('-', '_')}`;

describe('help', () => {
  it('of the program names every command', async () => {
    const { code, output } = await runCommand('--help');
    assert.equal(code, 0);
    assert.deepEqual(
      output.match(/^ {2}[a-z][a-z-]+/gm)?.map(name => name.trim()),
      ['run', 'check-config', 'demo', ...OPERATING, 'help'],
    );
  });

  it('of run names every flag with its environment variable, and nothing else', async () => {
    const { code, output } = await runCommand('run', '--help');
    assert.equal(code, 0);
    assert.deepEqual(
      output.match(/^ {2}--[a-z-]+/gm)?.map(flag => flag.trim()),
      FLAGS,
    );
    assert.deepEqual(output.match(/DFSYNC_[A-Z_]+/g), FLAGS.map(variableOf));
    assert.match(output, /Exit codes: 0 .* 1 .* 2 .* 3 /);
  });

  for (const command of ['run', 'check-config', 'demo', ...OPERATING])
    it(`of ${command} is the same by "help ${command}", and says what the command does`, async () => {
      const [option, word] = await Promise.all([runCommand(command, '--help'), runCommand('help', command)]);
      assert.equal(option.code, 0);
      assert.deepEqual(word, option);
      assert.match(option.output, new RegExp(`^Usage: dfsync ${command} .*\\n\\n[A-Z]`));
    });

  it('--version is the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    assert.deepEqual(await runCommand('--version'), { code: 0, signal: null, output: `${version}\n` });
  });
});

describe('the README', () => {
  it('names every flag and every environment variable', () => {
    for (const flag of FLAGS) {
      assert.ok(README.includes(`\`${flag}`), flag);
      assert.ok(README.includes(`\`${variableOf(flag)}\``), variableOf(flag));
    }
  });

  it('names every metric that is read from the status', () => {
    for (const { name } of READINGS) assert.ok(README.includes(`\`${name}`), name);
  });

  it('has the test command that the CI runs', () => {
    const script = readFileSync(new URL('../../.ci/run', import.meta.url), 'utf8');
    const command = 'npm ci && npm test';
    assert.ok(README.includes(`\n    ${command}\n`) && script.includes(`\ntest_command='${command}'\n`));
  });
});

describe('bad usage: exit code 2, one message that names it, no stack trace', () => {
  const run = ['run', '--config', config, '--root', root];
  const cases: [name: string, args: string[], says: RegExp][] = [
    ['two ways to say who it is', [...run, '--roleid', '1', '--server', 's1'], /--roleid.*--server/],
    ['a port beyond all ports', [...run, '--listen', '127.0.0.1:99999'], /--listen .* HOST:PORT/],
    ['a level that is none', [...run, '--log-level', 'loud'], /--log-level .* debug, info, warn, error/],
    ['a format that is none', [...run, '--log-format', 'xml'], /--log-format .* text, json/],
    ['no file to check', ['check-config'], /file/],
    ['two files to check', ['check-config', 'a', 'b'], /too many arguments/],
    ['an argument for the demo', ['demo', 'fast'], /too many arguments/],
    [
      'a token file that is not there',
      [...run, '--roleid', '1', '--token-file', '/nowhere'],
      /token file: .*\/nowhere/,
    ],
    [
      'everybody may read every file',
      [...run, '--roleid', '1', '--listen', '0.0.0.0:0', '--ops-listen', '127.0.0.1:0'],
      /--token-file FILE, .*--tls-cert.* --insecure/,
    ],
  ];
  for (const [name, args, says] of cases)
    it(name, async () => {
      const { code, output } = await runCommand(...args);
      assert.equal(code, 2, output);
      assert.match(output, says);
      noStack(output);
    });
});

describe('environment variables', () => {
  it('say all that flags say, and a flag outranks its variable', async () => {
    const [port, opsPort] = [await freePort(), await freePort()];
    const tokenFile = join(scratch, 'token');
    writeFileSync(tokenFile, 'a-token-of-the-environment\n', { mode: 0o600 });
    const variables = {
      DFSYNC_CONFIG: config,
      DFSYNC_SERVER: 'nobody',
      DFSYNC_ROOT: root,
      DFSYNC_LISTEN: `127.0.0.1:${port}`,
      DFSYNC_OPS_LISTEN: `127.0.0.1:${opsPort}`,
      DFSYNC_TOKEN_FILE: tokenFile,
      DFSYNC_LOG_FORMAT: 'text',
      DFSYNC_RODE: 'a mistake',
    };
    const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    const command = new Command(['run', '--server', 's1'], ['env', ...assignments]);
    const ready = () => fetch(`http://127.0.0.1:${opsPort}/readyz`).then(answer => answer.ok);
    await until('it to be ready', ready, { evidence: () => command.output });

    const status = await fetch(`http://127.0.0.1:${opsPort}/status`).then(answer => answer.json());
    assert.equal((status as { instance: { roleid: number } }).instance.roleid, 1);
    const asked = await fetch(`http://127.0.0.1:${port}/v1/self`, { headers: { 'dfsync-roleid': '2' } });
    assert.equal(asked.status, 401, 'the token is needed');
    assert.match(command.output, /variables that dfsync does not know.*DFSYNC_RODE/);

    command.signal('SIGTERM');
    assert.deepEqual(await command.exited, { code: 0, signal: null }, command.output);
    noStack(command.output);
  });

  it('that are wrong are named, with exit code 2', async () => {
    const command = new Command(['run', '--config', config, '--root', root], ['env', 'DFSYNC_ROLEID=one']);
    assert.equal((await command.exited).code, 2, command.output);
    assert.match(command.output, /DFSYNC_ROLEID/);
    noStack(command.output);
  });

  it('can say no to a switch', async () => {
    const args = ['run', '--config', config, '--root', root, '--listen', '0.0.0.0:0', '--ops-listen', '127.0.0.1:0'];
    const command = new Command(args, ['env', 'DFSYNC_ROLEID=1', 'DFSYNC_INSECURE=false']);
    assert.equal((await command.exited).code, 2, command.output);
    assert.match(command.output, /without a token file/);
  });

  it('of who it is give way to the command line', async () => {
    const args = ['run', '--config', join(scratch, 'missing'), '--root', root, '--roleid', '1'];
    const command = new Command(args, ['env', 'DFSYNC_SERVER=s2']);
    assert.equal((await command.exited).code, 3, command.output);
  });
});
