/** The status page: its files by themselves, what it makes of a status, and a network of real instances, in a browser. */
import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { Status } from '../../src/ops/status.ts';
import { TestNetwork } from '../e2e/network.ts';
import { until } from '../e2e/until.ts';
import { complaintsOf, openBrowser, withoutChromium } from '../support/browser.ts';
import { inSync, openPage } from './page-sources.ts';
import { sampleDomain } from './status-sample.ts';

/** All files of the page together; it is to be there at once over a slow line, too. */
const MAX_BYTES = 80 * 1024;
/** Of the window, weighted by how far it moves, as browsers measure it; from a tenth on people are said to be disturbed. */
const MAX_SHIFT = 0.001;
/** Waits of so long are polls, which never come then. */
const NO_POLLS = `const wait = setTimeout; globalThis.setTimeout = (f, ms) => (ms >= 2000 ? 0 : wait(f, ms));`;
/** By how many pixels the table of links leaves its card. */
const WIDER_THAN_ITS_CARD =
  "document.querySelector('#links table').getBoundingClientRect().right - document.querySelector('#links').getBoundingClientRect().right";
const FILES = readdirSync(new URL('../../src/ops/page/', import.meta.url)).filter(name => !name.endsWith('.json'));

describe('its files', () => {
  test('are open to everybody, few bytes, and allow nothing from elsewhere', async t => {
    const { url } = await openPage(t, inSync);
    let bytes = 0;
    for (const name of FILES) {
      const path = name === 'index.html' ? '/' : `/page/${name}`;
      const answer = await fetch(url + path, { headers: { 'x-forwarded-for': '203.0.113.7' } });
      const content = await answer.text();
      assert.equal(answer.status, 200, path);
      bytes += content.length;
      const policy = answer.headers.get('content-security-policy')!;
      assert.match(
        policy,
        /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;/,
      );
      assert.doesNotMatch(policy, /unsafe|\*/);
      assert.doesNotMatch(
        content.replaceAll('http://www.w3.org/2000/svg', ''),
        /https?:\/\//,
        `${name} names another host`,
      );
    }
    assert.ok(bytes > 0 && bytes <= MAX_BYTES, `${bytes} bytes`);
    assert.equal((await fetch(`${url}/status`, { headers: { 'x-forwarded-for': '203.0.113.7' } })).status, 401);
  });

  test('are not sent again to who has them', async t => {
    const { url } = await openPage(t, inSync);
    const first = await fetch(`${url}/page/page.css`);
    const etag = first.headers.get('etag')!;
    assert.match(first.headers.get('content-type')!, /^text\/css/);
    const again = await fetch(`${url}/page/page.css`, {
      headers: { 'if-none-match': etag, 'cache-control': 'max-age=0' },
    });
    assert.deepEqual([again.status, await again.text(), again.headers.get('etag')], [304, '', etag]);
    assert.equal((await fetch(url, { method: 'HEAD' })).status, 200);
  });

  test('are all that is there', async t => {
    const { url } = await openPage(t, inSync);
    for (const path of ['/page/', '/page/tsconfig.json', '/page/..%2fpage.ts', '/page/index.html', '/page/nothing.js'])
      assert.equal((await fetch(url + path)).status, 404, path);
  });
});

let browser: Browser;
before(async () => {
  if (!withoutChromium) browser = await openBrowser();
});
after(() => browser?.close());

/** A page of a browser, which must not complain. */
async function visit(
  t: TestContext,
  url: string,
  options: BrowserContextOptions = {},
  prepare: (page: Page) => Promise<unknown> = async () => {},
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints = complaintsOf(page);
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  });
  await prepare(page);
  await page.goto(url);
  return page;
}

const text = (page: Page, selector: string) => page.locator(selector).innerText();
const shows = (page: Page, selector: string, what: RegExp) =>
  until(`${selector} to show ${what}`, async () => {
    const shown = await text(page, selector);
    assert.match(shown, what);
    return true;
  });

const HELD = {
  deletions: 131,
  reason: '130 of its 133 files went missing within a minute',
  since: Date.now() - 60_000,
  paths: [{ path: 'site/a.html', since: Date.now() - 60_000 }],
};
const STALE = { peers: ['dfsync2', 'dfsync3'], since: Date.now() - 400 * 86_400_000, unknown: 3 };
const item = (problem: object) => ({
  path: 'a/b.txt',
  class: 'unwritable',
  message: 'EACCES: the directory may not be written to',
  since: Date.now() - 5000,
  sources: ['dfsync2'],
  ...problem,
});
const withDomain = (changes: object) => inSync({ domains: [{ ...inSync().domains[0]!, ...changes }] });
const withPeer = (changes: object) => inSync({ peers: [{ ...inSync().peers[0]!, ...changes }, inSync().peers[1]!] });
const withInstance = (changes: object) => ({ ...inSync(), instance: { ...inSync().instance, ...changes } });

/** What a reader is to see of a status at the first glance. */
const VERDICTS: readonly [name: string, status: () => Status, headline: RegExp, findings: RegExp][] = [
  ['all is well', inSync, /^✓ In sync$/, /^Here is all that 2 other servers in 1 domain had [789] s ago$/],
  [
    'wanted',
    () => withDomain({ state: 'syncing', wanted: 3, fetching: 1 }),
    /^↻ Catching up$/,
    /acme\.example: 3 entries on the way here – 1 transfer under way/,
  ],
  [
    'a domain halted',
    () => withDomain({ state: 'halted', reason: 'the volume is not mounted' }),
    /^✕ Not in sync$/,
    /acme\.example is halted – the volume is not mounted/,
  ],
  [
    'a domain that an operator paused',
    () => withDomain({ state: 'paused', reason: 'an operator paused it' }),
    /^▲ Needs a look$/,
    /acme\.example is paused – an operator paused it\s+To do: resume it/,
  ],
  [
    'a stale replica',
    () => withDomain({ stale: { peers: ['dfsync2'], unknown: 3 } }),
    /^✕ Needs a decision$/,
    /this server may hold what was deleted elsewhere and forgotten: 3 paths.*\n?.*To do: say whether the others or this server are right/,
  ],
  [
    'a stale replica elsewhere',
    () =>
      withPeer({
        domains: [{ domain: 'acme.example', lagSeconds: 0, mismatched: 4, wanted: 0, state: 'stale-replica' }],
      }),
    /^✕ Needs a decision$/,
    /acme\.example: server2 may hold what was deleted elsewhere .*\n?.*To do: decide on the status page of server2/,
  ],
  [
    'deletions held',
    () => withDomain({ held: HELD }),
    /^✕ Needs a decision$/,
    /131 deletions held – 130 of its 133 files.*\n.*To do: release them, or undo them/,
  ],
  [
    'a path in trouble that is tried again',
    () => withDomain({ items: [item({ nextTry: Date.now() + 60_000 })] }),
    /^▲ Needs a look$/,
    /1 path not in order – a\/b\.txt: EACCES/,
  ],
  [
    'a path that only a person can help',
    () => withDomain({ items: [item({ class: 'waiting' })] }),
    /^✕ Not in sync$/,
    /1 path not in order/,
  ],
  [
    'a date that the file system does not keep',
    () => withDomain({ items: [item({ class: 'attributes' })] }),
    /^✓ In sync$/,
    /^Here is all/,
  ],
  ['a socket in the tree', () => withDomain({ items: [item({ class: 'special' })] }), /^✓ In sync$/, /^Here is all/],
  [
    'a peer that does not answer',
    () => withPeer({ state: 'backoff', up: false, reason: 'connect ECONNREFUSED', lastContact: Date.now() - 90_000 }),
    /^✕ Not in sync$/,
    /server2 of north does not answer; last answer (89|90|91) s ago – connect ECONNREFUSED/,
  ],
  [
    'a peer that stands by',
    () => withPeer({ state: 'standby', up: false, domains: [] }),
    /^✓ In sync$/,
    /^Here is all/,
  ],
  [
    'a clock that is off',
    () => withPeer({ skewMs: -180_000 }),
    /^▲ Needs a look$/,
    /the clock of server2 is 3 min behind/,
  ],
  [
    'entries that differ',
    () =>
      withPeer({ domains: [{ domain: 'acme.example', lagSeconds: 0, mismatched: 4, wanted: 0, state: 'serving' }] }),
    /^↻ Catching up$/,
    /4 entries differed from server2 when last compared/,
  ],
  [
    'a server behind others that is silent',
    () => withDomain({ heard: { 2: Date.now(), 3: Date.now() - 600_000 } }),
    /^▲ Needs a look$/,
    /server3 of south is not heard of for 10 min \(acme\.example\)/,
  ],
  [
    'a description that is refused',
    () => withInstance({ config: { loadedAt: 1, problems: ['sites[0]: no name'], warnings: [] } }),
    /^▲ Needs a look$/,
    /network description is not in force – sites\[0\]: no name/,
  ],
  [
    'another process that holds the volume',
    () => ({ ...withInstance({ state: 'waiting-for-lock', reason: 'held by pid 17' }), domains: [], peers: [] }),
    /^✕ Waiting for the volume$/,
    /^held by pid 17$/,
  ],
  [
    'nobody to synchronise with',
    () => ({ ...withInstance({ state: 'alone', reason: 'one enabled instance' }), domains: [], peers: [] }),
    /^– Nothing to do: alone$/,
    /^one enabled instance$/,
  ],
];

describe('in a browser', { skip: withoutChromium, timeout: 300_000 }, () => {
  for (const [name, status, headline, findings] of VERDICTS)
    test(`says at a glance: ${name}`, async t => {
      const { url } = await openPage(t, status);
      const page = await visit(t, url);
      await shows(page, '#headline', headline);
      assert.match(await text(page, '#findings'), findings);
      assert.equal(await page.title(), `${await text(page, '#headline')} · server1`);
    });

  test('is readable at 360 pixels, whatever it has to say', async t => {
    for (const [name, status] of VERDICTS) {
      const { url } = await openPage(t, status);
      const page = await visit(t, url, { viewport: { width: 360, height: 740 }, colorScheme: 'dark' });
      await shows(page, '#who', /./);
      await shows(page, '#instance', /Version/);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 360, name);
    }
  });

  test('shows names as they are, whatever they try', async t => {
    const path = '<img src=x onerror=alert(1)>\u202egpj\udcff\n.exe';
    const { url } = await openPage(t, () =>
      inSync({
        domains: [sampleDomain({ items: [item({ path, message: '<b>bold</b>' })] })],
        changes: [{ domain: 'acme.example', path, kind: 'file', size: 5, at: Date.now(), by: 'dfsync2', via: 'north' }],
        unmapped: ['<script>alert(1)</script>'],
      }),
    );
    const page = await visit(t, url);
    const shown = '<img src=x onerror=alert(1)>\\u202egpj\\xff\\x0a.exe';
    await until('the path to be shown', async () => (await text(page, '#items')).includes(`acme.example/${shown}`));
    assert.ok((await text(page, '#changes')).includes(`acme.example/${shown}`));
    assert.ok((await text(page, '#items')).includes('<b>bold</b>'));
    assert.ok((await text(page, '#instance')).includes('<script>alert(1)</script>'));
    assert.equal(await page.locator('main img, main script, main b >> text=bold').count(), 0);
  });

  test('draws who pulls from whom, and what fails', async t => {
    const { url } = await openPage(t, () => withPeer({ state: 'backoff', up: false, askedAt: 0 }));
    const page = await visit(t, url);
    await shows(page, '#map', /server1 .*gateway\s+this server, running/);
    assert.match(await text(page, '#map'), /server2 .*\s+backoff, silent for .*; does not pull from here/);
    assert.match(await text(page, '#map'), /server3 .*gateway\s+pulled from, not behind/);
    assert.equal(await page.locator('.wire.failing').count(), 1);
    assert.equal(await page.locator('.wire.live').count(), 1);
  });

  test('keeps focus, open details and every place while numbers change', async t => {
    let files = 3;
    const { url, shown } = await openPage(t, () => withDomain({ files: files++, held: HELD }));
    const page = await visit(t, url);
    await shows(page, '#decisions', /131 deletions/);
    await page.locator('#decisions summary').click();
    await page.fill('#why-path', 'half a pa');
    await page.evaluate(
      `globalThis.shift = 0;
       new PerformanceObserver(list => { for (const each of list.getEntries()) globalThis.shift += each.value; })
         .observe({ type: 'layout-shift' });`,
    );
    const before = shown.answers;
    await until('the status to be asked for again, and again', () => shown.answers >= before + 3);
    await shows(page, '#domains', new RegExp(`\\b${files - 1}\\b`));
    assert.match(await text(page, '#decisions'), /site\/a\.html/);
    assert.deepEqual(await page.evaluate('[document.activeElement.id, document.activeElement.value]'), [
      'why-path',
      'half a pa',
    ]);
    const shift = Number(await page.evaluate('globalThis.shift'));
    assert.ok(shift < MAX_SHIFT, String(shift));
  });

  test('asks who is not on the host for a token, and says why one is refused', async t => {
    const { url } = await openPage(t, inSync);
    const page = await visit(t, url, { extraHTTPHeaders: { 'x-forwarded-for': '203.0.113.7' } });
    await shows(page, '#token-dialog', /A token is needed to look/);
    await page.keyboard.type('thief');
    await page.keyboard.press('Enter');
    await shows(page, '#token-error', /send a read or an admin token/);
    await page.fill('#token', 'reader');
    await page.keyboard.press('Enter');
    await shows(page, '#headline', /In sync/);
    assert.equal(await page.locator('#token-dialog').isVisible(), false);
  });

  for (const [button, title, asked, done = /acme\.example\.$/] of [
    ['Release: delete them everywhere', /131 deletions of acme\.example\?/, ['release', 'acme.example']],
    [
      'Undo: bring them back',
      /131 deletions of acme\.example\?/,
      ['undo', 'acme.example', { since: undefined, dryRun: false }],
    ],
    [
      'The others are right: to the trash',
      /Trash 3 paths of acme\.example\?/,
      ['accept', 'acme.example', 'remote'],
      /^Gone to the trash: 3 paths of acme\.example\.$/,
    ],
    [
      'This server is right: to everybody',
      /Spread 3 paths of acme\.example\?/,
      ['accept', 'acme.example', 'local'],
      /^On the way to everybody: 3 paths of acme\.example\.$/,
    ],
    ['Rescan', /Rescan acme\.example\?/, ['rescan', 'acme.example']],
    ['Pause', /Pause acme\.example\?/, ['pause', 'acme.example']],
  ] as const)
    test(`takes an admin token for: ${button}`, async t => {
      const source = await openPage(t, () => withDomain({ held: HELD, stale: STALE }));
      const page = await visit(t, source.url);
      await page.getByRole('button', { name: button }).click();
      await shows(page, '#token-title', title);
      await page.keyboard.type('reader');
      await page.keyboard.press('Enter');
      await shows(page, '#token-error', /a read token may only look; send an admin token/);
      assert.deepEqual(source.asked, []);
      await page.fill('#token', 'chief');
      await page.keyboard.press('Enter');
      await shows(page, '#done', done);
      assert.deepEqual(source.asked, [asked]);
      assert.equal(await page.inputValue('#token'), '');
    });

  test('says what could not be done of what was decided', async t => {
    const { url } = await openPage(t, () => withDomain({ stale: STALE }));
    const page = await visit(t, url);
    const failed = [{ path: 'a\n', reason: 'EACCES' }];
    await page.route('**/accept-remote', route => route.fulfill({ json: { peers: [], trashed: 2, failed } }));
    await shows(page, '#decisions', /3 paths of a stale replica live here, and dfsync2, dfsync3 have no trace of them/);
    await page.getByRole('button', { name: 'The others are right' }).click();
    await page.keyboard.type('chief');
    await page.keyboard.press('Enter');
    await shows(page, '#done', /^1 path of acme\.example failed: a\\x0a: EACCES\.$/);
  });

  test('tells how fast bytes travel, and how many did', async t => {
    const traffic = {
      sent: { bytes: 2_000_000_000, perSecond: 12_400_000 },
      received: { bytes: 5200, perSecond: 0 },
    };
    const { url } = await openPage(t, () => withPeer({ traffic }));
    const page = await visit(t, url);
    await shows(page, '#links tbody tr:first-child', /\bin 0 B\/s\s+out 12 MB\/s/);
    assert.equal(await page.locator('#links .line').nth(1).getAttribute('title'), '2.0 GB since the start');
    assert.ok(Number(await page.evaluate(WIDER_THAN_ITS_CARD)) <= 0);
  });

  test('asks why for a path that it shows, whatever its name', async t => {
    const path = 'a b/\udcff?#%.txt';
    const { url } = await openPage(t, () => withDomain({ items: [item({ path })] }));
    const page = await visit(t, url);
    let asked = '';
    const entry = { kind: 'file', size: 3, mtime: 1_700_000_000_000, mode: 0o644 };
    const opinions = [
      { peer: 'dfsync1', site: 'north', self: true, wins: false, rule: 'newer mark', entry },
      {
        peer: 'dfsync2',
        site: 'north',
        self: false,
        wins: true,
        writer: 'dfsync2',
        changedAt: 1_700_000_000_000,
        entry,
      },
      { peer: 'dfsync3', site: 'south', self: false, wins: false, error: 'no answer within 5 s' },
    ];
    await page.route('**/why/**', route => {
      asked = new URL(route.request().url()).pathname;
      return route.fulfill({ json: { domain: 'acme.example', path, says: ['it is on its way'], opinions } });
    });
    await page.getByRole('button', { name: 'a b/' }).click();
    await shows(page, '#why', /^acme\.example\/a b\/\\xff\?#%\.txt\s+it is on its way/);
    assert.equal(asked, '/why/acme.example/a%20b/%ff%3F%23%25.txt');
    assert.match(
      await text(page, '#why'),
      /dfsync1 \(this one\)\s+file, 3 B, of .*, mode 0644\s+–\s+loses: newer mark/,
    );
    assert.match(await text(page, '#why'), /dfsync2 north\s+file, .*, by dfsync2\s+✓ wins/);
    assert.match(await text(page, '#why'), /dfsync3 south\s+no answer within 5 s\s+–\s+✕ no answer/);
  });

  test('looks into the trash for what lost a conflict', async t => {
    const { url } = await openPage(t, () => withDomain({ conflicts: 1 }));
    const page = await visit(t, url);
    const item = { kind: 'file', size: 5, mtime: 1, at: 1_700_000_000_000, version: '1.1' };
    const items = [
      { ...item, path: 'both.txt', conflict: true },
      { ...item, path: 'deleted.txt', conflict: false },
    ];
    await page.route('**/trash', route => route.fulfill({ json: { domain: 'acme.example', total: 2, items } }));
    await shows(page, '#conflicts', /acme\.example: 1 since the start/);
    await page.locator('#conflicts summary').click();
    await shows(page, '#conflicts', /both\.txt 5 B, lost 2023-11-/);
    assert.doesNotMatch(await text(page, '#conflicts'), /deleted\.txt/);
  });

  test('says that the instance is gone, and goes on when it is back', async t => {
    const { url } = await openPage(t, inSync);
    const page = await visit(t, url);
    await shows(page, '#headline', /In sync/);
    await page.context().setOffline(true);
    await shows(page, '#headline', /^✕ No answer from this instance$/);
    assert.match(await text(page, '#live'), /no answer; what is shown is \d+ s old/);
    await page.context().setOffline(false);
    await shows(page, '#headline', /In sync/);
  });

  test('takes an event for a hint to ask at once', async t => {
    const { url, shown, events } = await openPage(t, inSync);
    const page = await visit(t, url, {}, each => each.addInitScript(NO_POLLS));
    await shows(page, '#live', /^✓ live$/);
    const before = shown.answers;
    await until('the hint to be followed', () => {
      events.tell({ event: 'trouble', data: {} });
      return shown.answers > before;
    });
  });

  describe('with a real network', () => {
    let network: TestNetwork;
    before(async () => {
      network = await TestNetwork.create({
        sites: { north: ['n1', 'n2'], south: ['s1'] },
        domains: { acme: ['north', 'south'] },
      });
      for (let i = 0; i < 120; i++) network.get('n1').write(`acme/site/${i}.html`, `page ${i}`);
      await network.start();
      await network.converge('acme');
    });
    after(() => network.close());
    const urlOf = (name: string) => `http://127.0.0.1:${network.get(name).place.opsPort}`;

    test('tells that all is equal, a change elsewhere, a partition, and its end', async t => {
      const page = await visit(t, urlOf('n1'));
      await shows(page, '#headline', /^✓ In sync$/);
      network.get('s1').write('acme/news.txt', 'from the south');
      await shows(page, '#changes', /acme\.example\/news\.txt\s+14 B\s+s1, from south/);
      network.cut();
      network.get('n1').write('acme/both.txt', 'north');
      await shows(page, '#changes', /both\.txt\s+5 B\s+n1, here/);
      network.get('s1').write('acme/both.txt', 'south, later');
      await shows(page, '#headline', /^✕ Not in sync$/);
      assert.match(await text(page, '#findings'), /s1 of south does not answer; last answer \d+ s ago – peer 3 at/);
      assert.equal(await page.locator('.wire.failing').count(), 1);
      network.heal();
      await network.converge('acme');
      await shows(page, '#headline', /^✓ In sync$/);
    });

    test('tells how much came from whom', async t => {
      const page = await visit(t, urlOf('n1'));
      network.get('s1').write('acme/large.bin', Buffer.alloc(5_000_000, 'large'));
      await network.until('it to have come', () => network.get('n1').tree('acme').has('large.bin'));
      await shows(page, '#links tbody tr:nth-child(2)', /s1 south\s[\s\S]*in [1-9]\d*(\.\d)? [kM]B\/s\s+out \d/);
      const { traffic } = (await network.get('s1').status()).peers.find(({ peer }) => peer === 'dfsync1')!;
      assert.ok(traffic!.sent.bytes > 5_000_000 && traffic!.sent.bytes < 6_000_000, String(traffic!.sent.bytes));
    });

    test('releases held deletions', async t => {
      const page = await visit(t, urlOf('n1'));
      rmSync(network.get('n1').path('acme/site'), { recursive: true });
      await shows(page, '#headline', /^✕ Needs a decision$/);
      await page.getByRole('button', { name: 'Release' }).click();
      await page.fill('#token', 'a-token-of-operators-of-this-test-network');
      await page.keyboard.press('Enter');
      await shows(page, '#decisions', /None\./);
      await network.until('s1 to have deleted them', () => !network.get('s1').tree('acme').has('site'));
      await shows(page, '#changes', /acme\.example\/site\s+deleted\s+n1, here/);
    });
  });
});
