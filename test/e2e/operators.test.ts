/** The commands that look into running instances, and those that have them wait or look again. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { runCommand } from './command.ts';
import { TestNetwork } from './network.ts';

const SHAPE = {
  sites: { north: ['n1', 'n2'], south: ['s1'] },
  domains: { acme: ['north', 'south'] },
  options: { digestInterval: '500ms', ignore: ['*.tmp'] },
};
const DOMAIN = 'acme.example';

let network: TestNetwork;
before(async () => {
  network = await TestNetwork.create(SHAPE);
  for (let i = 0; i < 20; i++) network.get('n1').write(`acme/dir/${i}.txt`, `content ${i}`);
  network.get('n1').write('acme/large.bin', Buffer.alloc(3 << 20, 1));
  await network.start();
  await network.converge('acme');
});
after(() => network.close());

const get = (name: string) => network.get(name);
const urlOf = (name: string) => ['--url', `http://127.0.0.1:${get(name).place.opsPort}`];
/** Runs a command that may not succeed. */
const run = (name: string, ...args: string[]) => runCommand(...args, ...urlOf(name));
const json = async (name: string, ...args: string[]) => JSON.parse(await get(name).operate(...args, '--json'));
const inSync = (name: string) => get(name).operate('wait', '--timeout', '60s');

describe('a network in sync', () => {
  test('is waited for', async () => {
    for (const { name } of network.instances) assert.match(await inSync(name), /^in sync\n$/);
  });

  test('says so in tables, and to machines', async () => {
    const text = await get('n1').operate('status');
    assert.match(text, /dfsync1 \(roleid 1\) on n1 of north, dfsync .*: running/);
    assert.match(text, /^acme\.example +in-sync +21 +3\.\d MB +0 +0 +0 +0 s$/m);
    assert.deepEqual(
      (await json('n1', 'status')).domains.map((each: { state: string }) => each.state),
      ['in-sync', 'in-sync'],
    );
    const peers = await get('n1').operate('peers');
    assert.match(peers, /^dfsync2 +north +\S+ +live +acme\.example +0 s +0 +0 +0 /m);
    assert.equal((await json('n1', 'peers')).length, 2);
    assert.match(await get('n2').operate('mismatches'), /acme\.example: in-sync, 0 paths differ/);
  });

  test('is verified, with its content', async () => {
    const plain = await get('n1').operate('verify');
    assert.match(plain, /^acme\.example +dfsync2 +0 +0 +equal$/m);
    assert.match(plain, /^equal: 21 files$/m);
    const { equal, domains } = await json('n1', 'verify', '--content', '--domain', DOMAIN);
    assert.deepEqual([equal, domains[0].hashed, domains[0].peers.length], [true, 21, 2]);
  });

  test('is alive for the healthcheck of its container, and not once it has gone', async () => {
    assert.match((await run('n2', 'healthcheck')).output, /^ok$/m);
    const { code, output } = await runCommand('healthcheck', '--url', 'http://127.0.0.1:1');
    assert.equal(code, 1);
    assert.match(output, /^dfsync: no answer from http:\/\/127\.0\.0\.1:1: /);
  });
});

describe('a path', () => {
  test('that is the same everywhere: who changed it, and that all have it', async () => {
    get('n2').write('acme/edited', 'by n2');
    await network.converge('acme');
    const why = await json('s1', 'why', 'acme/edited');
    assert.match(why.says[0], /the same on all that answered: dfsync3, dfsync1/);
    assert.deepEqual([why.path, why.disk.kind, why.disk.size], ['edited', 'file', 5]);
    assert.deepEqual(
      why.opinions.map(({ peer, writer, wins }: Record<string, unknown>) => [peer, writer, wins]),
      [
        ['dfsync3', 'dfsync2', true],
        ['dfsync1', 'dfsync2', true],
      ],
    );
  });

  test('that is ignored, deleted, or known to nobody', async () => {
    get('n1').write('acme/x.tmp', 'ignored');
    assert.match(await get('n1').operate('why', 'acme/x.tmp'), /ignored by the pattern \*\.tmp/);
    rmSync(get('n1').path('acme/x.tmp'));
    rmSync(get('n1').path('acme/edited'));
    await network.converge('acme');
    assert.match(
      await get('n2').operate('why', 'edited', '--domain', DOMAIN),
      /deleted at .*\n(?: {2}.*\n)*? {2}on this disk: nothing/,
    );
    assert.match(await get('n2').operate('why', get('n2').path('acme/never')), /no instance .* has ever known of it/);
    const { code, output } = await run('n2', 'why', 'other/x');
    assert.equal(code, 1);
    assert.match(output, /directories that are served here: .*acme/);
  });

  test('whose name is no text is asked for as it is shown', async () => {
    get('n1').write('acme/two\nlines', 'x');
    await network.converge('acme');
    const why = await json('n2', 'why', '"acme/two\\nlines"');
    assert.deepEqual([why.path, why.disk.kind], ['two\nlines', 'file']);
  });
});

describe('who is behind a gateway', () => {
  test('is not asked, and it is said on whose server he would be', async () => {
    const says =
      /^ {2}s1 of south is not asked, there is no link from here: dfsync why on n1 asks it; its changes up to 2.*Z are here$/m;
    await get('n2').until('its heartbeat to have come, and that to be said', async () =>
      says.test(await get('n2').operate('why', 'acme/large.bin')),
    );
    assert.match(
      await get('n1').operate('why', 'acme/large.bin'),
      /the same on all that answered: dfsync1, dfsync2, dfsync3\n/,
    );
    const verified = await get('n2').operate('verify', '--domain', DOMAIN);
    assert.match(
      verified,
      /^acme\.example: s1 of south is not compared, there is no link from here: verify on n1\nequal: /m,
    );
    const { domains } = await json('n1', 'verify', '--domain', DOMAIN);
    assert.deepEqual(domains[0].unasked, []);
  });
});

describe('an instance that is paused', () => {
  test('pulls nothing, says so, and others have its changes', async () => {
    assert.match(await get('n2').operate('pause'), /acme\.example: nothing is pulled until dfsync resume/);
    get('n1').write('acme/dir/1.txt', 'newer content');
    get('n1').write('acme/fresh', 'new');
    get('n2').write('acme/of-n2', 'still announced');
    const mismatches = await get('n2').until('the wants to be listed', async () => {
      const { domains } = await json('n2', 'mismatches', '--domain', DOMAIN);
      return domains[0].total >= 2 ? domains[0] : undefined;
    });
    assert.deepEqual(
      mismatches.mismatches.map(({ path, class: name, peers }: Record<string, unknown>) => [path, name, peers]).sort(),
      [
        ['dir/1.txt', 'older', ['dfsync1']],
        ['fresh', 'missing', ['dfsync1']],
      ],
    );
    assert.equal(mismatches.state, 'paused');
    await network.until('its own change to be elsewhere', () => get('s1').tree('acme').has('of-n2'));
    assert.equal(get('n2').read('acme/dir/1.txt'), 'content 1');
  });

  test('is why a path is not here yet, and the one that has it knows who lacks it', async () => {
    const why = await get('n2').operate('why', 'acme/fresh');
    assert.match(why, /nothing is pulled here: paused by an operator since .*; dfsync resume --domain acme\.example/);
    assert.match(why, /it comes from dfsync1, wanted since/);
    assert.match(why, /dfsync1 has wins\n +dfsync2 knows nothing of it yet/);
    const { mismatches } = await get('n1').until('the comparison to find it', async () => {
      const [acme] = (await json('n1', 'mismatches', '--domain', DOMAIN)).domains;
      return acme.total >= 2 ? acme : undefined;
    });
    assert.deepEqual(
      mismatches.map(({ path, class: name, peers }: Record<string, unknown>) => [path, name, peers]).sort(),
      [
        ['dir/1.txt', 'newer', ['dfsync2']],
        ['fresh', 'extra', ['dfsync2']],
      ],
    );
  });

  test('is not in sync: neither to verify, nor to wait', async () => {
    const verified = await run('n1', 'verify', '--domain', DOMAIN);
    assert.equal(verified.code, 1, verified.output);
    assert.match(verified.output, /^extra +acme\.example +dfsync2 +fresh$/m);
    assert.match(verified.output, /^newer +acme\.example +dfsync2 +dir\/1\.txt$/m);
    assert.match(verified.output, /not equal/);
    const waited = await run('n2', 'wait', '--timeout', '1s');
    assert.equal(waited.code, 1);
    assert.match(waited.output, /not in sync yet:\n(?: .*\n)* +acme\.example is paused: paused by an operator/);
  });

  test('stays so over a kill and a restart, and says since when', async () => {
    const since = (await get('n2').domain('acme')).pausedSince!;
    await get('n2').kill();
    get('n1').write('acme/while-away', 'new, too');
    await get('n2').start();
    await get('n2').until('the new file to be wanted', async () => (await get('n2').domain('acme')).wanted >= 3);
    const { state, pausedSince, reason } = await get('n2').domain('acme');
    assert.deepEqual([state, pausedSince], ['paused', since]);
    assert.match(
      reason!,
      new RegExp(`since ${new Date(since).toISOString()}; dfsync resume --domain acme.example goes on$`),
    );
    const probe = await fetch(`http://127.0.0.1:${get('n2').place.opsPort}/readyz?verbose`);
    assert.match(
      await probe.text(),
      /domain acme\.example: paused by an operator since \d{4}-.*; next: dfsync resume --domain acme\.example$/m,
    );
    assert.equal(get('n2').tree('acme').has('while-away'), false);
  });

  test('and says where that could not be written down', async () => {
    const inTheWay = get('n2').path('.dfsync/paused.json.new');
    mkdirSync(inTheWay);
    const { code, output } = await runCommand(
      ...['pause', '--domain', DOMAIN, '--admin-token-file', get('n2').place.adminTokenFile, ...urlOf('n2')],
    );
    rmdirSync(inTheWay);
    assert.equal(code, 1, output);
    assert.match(output, /could not be written down: .*paused\.json\.new: E\w+: nothing is pulled, but only until/);
  });

  test('resumes', async () => {
    assert.match(await get('n2').operate('resume', '--domain', DOMAIN), /acme\.example: pulling goes on/);
    await network.converge('acme');
    assert.match(await get('n2').operate('resume', '--domain', 'common'), /common: pulling goes on/);
    for (const { name } of network.instances) await inSync(name);
    assert.match(await get('n1').operate('verify'), /^equal: /m);
    await get('n2').kill();
    await get('n2').start();
    assert.match(await inSync('n2'), /^in sync\n$/);
  });
});

describe('what nobody would notice', () => {
  test('other bytes of the same size and date are found by their content alone', async () => {
    const path = get('n2').path('acme/dir/7.txt');
    get('n2').write('acme/dir/swap.tmp', 'CONTENT 7', { date: new Date(Math.floor(statSync(path).mtimeMs)) });
    renameSync(get('n2').path('acme/dir/swap.tmp'), path);
    await inSync('n2');
    assert.match(await get('n1').operate('verify', '--domain', DOMAIN), /^equal/m);
    const found = await runCommand(
      ...['verify', '--content', '--domain', DOMAIN, '--json', ...urlOf('n1')],
      ...['--admin-token-file', get('n1').place.adminTokenFile],
    );
    assert.equal(found.code, 1, found.output);
    const [difference, { equal }] = found.output
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    assert.equal(equal, false);
    assert.deepEqual(difference, {
      difference: { domain: DOMAIN, path: 'dir/7.txt', peer: 'dfsync2', class: 'content' },
    });
    get('n2').write('acme/dir/7.txt', 'content 7');
    await network.converge('acme');
  });

  test('a scan that is asked for finds what no event told', async () => {
    chmodSync(get('n1').path('acme/dir/3.txt'), 0o600);
    assert.match(await get('n1').operate('rescan'), /acme\.example: 2\d paths looked at in /);
    await network.converge('acme');
  });
});

describe('whoever may not', () => {
  test('read all content, or have an instance wait, hears what he needs', async () => {
    for (const args of [['verify', '--content'], ['pause'], ['resume'], ['rescan']]) {
      const { code, output } = await run('n1', ...args);
      assert.equal(code, 1, output);
      assert.match(output, /an admin token is needed.*--admin-token-file/);
    }
  });
});

describe('/events', () => {
  test('tells how it stands, then what happens, and goes on where it broke off', async () => {
    const base = `http://127.0.0.1:${get('n2').place.opsPort}/events`;
    const gone = new AbortController();
    const listen = async (headers: Record<string, string>, wanted: (text: string) => boolean) => {
      const answer = await fetch(base, { headers, signal: gone.signal });
      assert.match(answer.headers.get('content-type') ?? '', /^text\/event-stream/);
      let text = '';
      for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        if (wanted(text)) break;
      }
      return text;
    };
    const heard = listen({}, text => /event: change\ndata: .*"path":"told".*"did":"pulled"/.test(text));
    await get('n2').until('it to be told', () => {
      get('n1').write('acme/told', `${Math.random()}`);
      return Promise.race([heard, new Promise<undefined>(resolve => setTimeout(resolve, 100, undefined))]);
    });
    const text = await heard;
    assert.match(text, /event: instance\ndata: .*"state":"running"/);
    assert.match(text, /event: domain\ndata: .*"domain":"acme\.example"/);
    assert.match(text, /event: peer\ndata: .*"peer":"dfsync1"/);
    const [, id] = /id: (\S+)\nevent: change/.exec(text)!;
    const again = await listen({ 'last-event-id': id! }, all => /event: peer/.test(all));
    assert.ok(!again.includes(`id: ${id}\n`), 'what he had is not told again');
    gone.abort();
  });
});
