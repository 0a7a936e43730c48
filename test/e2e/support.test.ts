/** What the end-to-end tests rest on: a comparison that misses a difference, or a wait that never fails, would prove nothing. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseExposition, total } from './exposition.ts';
import { makeOddTree, NOT_UTF8, ODD_NAMES } from './odd-names.ts';
import { freePort } from './ports.ts';
import { Relay } from './relay.ts';
import { assertSameTree, differences, key, readTree } from './tree.ts';
import { Hopeless, until } from './until.ts';

const DATE = new Date('2020-01-01T00:00:00Z');

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'dfsync-support-'));
});
after(() => rmSync(directory, { recursive: true, force: true }));

/** A small tree with one path of each kind. */
function makeTree(root: string): void {
  mkdirSync(`${root}/directory`, { recursive: true });
  mkdirSync(`${root}/empty`);
  writeFileSync(`${root}/directory/file`, 'content');
  utimesSync(`${root}/directory/file`, DATE, DATE);
  symlinkSync('target', `${root}/symlink`);
}

describe('the comparison of trees finds', () => {
  const replace = (path: string, by: () => void) => {
    rmSync(path, { recursive: true });
    by();
  };
  const cases: Record<string, (root: string) => void> = {
    'another content of equal size and date': root => {
      writeFileSync(`${root}/directory/file`, 'CONTENT');
      utimesSync(`${root}/directory/file`, DATE, DATE);
    },
    'another size': root => {
      writeFileSync(`${root}/directory/file`, 'more content');
      utimesSync(`${root}/directory/file`, DATE, DATE);
    },
    'a date one millisecond later': root => utimesSync(`${root}/directory/file`, DATE, (DATE.getTime() + 1.5) / 1000),
    'another mode of a file': root => chmodSync(`${root}/directory/file`, 0o600),
    'another mode of a directory': root => chmodSync(`${root}/directory`, 0o700),
    'another target': root => replace(`${root}/symlink`, () => symlinkSync('other', `${root}/symlink`)),
    'a missing file': root => unlinkSync(`${root}/directory/file`),
    'a missing empty directory': root => rmdirSync(`${root}/empty`),
    'a file too many': root => writeFileSync(`${root}/directory/more`, ''),
    'a file in place of a symlink': root =>
      replace(`${root}/symlink`, () => writeFileSync(`${root}/symlink`, 'target')),
    'a file in place of a directory': root => replace(`${root}/empty`, () => writeFileSync(`${root}/empty`, '')),
    'a name that differs in a byte that is no UTF-8': root => {
      writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff])]), '');
    },
  };
  for (const [name, change] of Object.entries(cases)) {
    test(name, () => {
      const [left, right] = [join(directory, name, 'left'), join(directory, name, 'right')];
      for (const root of [left, right]) makeTree(root);
      const read = (root: string) => readTree(root, { content: true });
      assert.deepEqual(differences(read(left), read(right)), []);
      change(right);
      assert.equal(differences(read(left), read(right)).length, 1);
      assert.throws(
        () => assertSameTree(read(left), read(right), ['left', 'right']),
        /^Error: left and right differ at 1 paths:\n {2}[-+!] /,
      );
    });
  }
});

test('the private directory is no part of a tree, and a missing root is an empty one', () => {
  mkdirSync(join(directory, 'private/.dfsync/cache'), { recursive: true });
  assert.equal(readTree(join(directory, 'private')).size, 0);
  assert.equal(readTree(join(directory, 'nowhere')).size, 0);
});

test('the odd tree can be made and is read name by name', () => {
  const root = join(directory, 'odd');
  mkdirSync(root);
  makeOddTree(root);
  const tree = readTree(root, { content: true });
  for (const name of [...ODD_NAMES, ...NOT_UTF8]) {
    assert.equal(tree.get(key(Buffer.concat([Buffer.from('names/'), name])))?.size, name.length);
  }
  assert.equal(tree.get('dates/before')?.mtime, -12_345);
  assert.equal(tree.get('modes/400')?.mode, 0o400);
  assert.equal(tree.get('links/loop')?.target, 'loop');
});

test('a wait ends with the answer, or names what was waited for, why, and the evidence', async () => {
  let looks = 0;
  assert.equal(await until('three looks', () => ++looks === 3 && 'seen'), 'seen');
  const never = until('the moon', () => assert.fail('no moon'), { deadlineMs: 0, evidence: () => 'dark' });
  await assert.rejects(never, /waited in vain for: the moon\nno moon\ndark/);
  const dead = () => {
    throw new Hopeless('it is dead');
  };
  await assert.rejects(until('life', dead), /it is dead/);
});

test('the text of the metrics is read with its labels', () => {
  const text = '# HELP a b\na_total{peer="x",path="say \\"hi\\"\\n"} 3\na_total{peer="y"} 4\nb 1.5e3\n';
  const samples = parseExposition(text);
  assert.deepEqual(samples[0], { name: 'a_total', labels: { peer: 'x', path: 'say "hi"\n' }, value: 3 });
  assert.equal(total(samples, 'a_total'), 7);
  assert.equal(total(samples, 'a_total', { peer: 'y' }), 4);
  assert.equal(total(samples, 'b'), 1500);
});

describe('the relay', () => {
  const SIZE = 8 << 20;
  let relay: Relay;
  const server = createServer(socket => socket.on('error', () => {}).end(Buffer.alloc(SIZE)));
  before(async () => {
    const port = await freePort();
    await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
    relay = await Relay.to(port);
  });
  after(() => {
    relay.close();
    server.close();
  });

  /** Connects and counts what arrives; `closed` resolves with the count. */
  function receive() {
    const state = { received: 0, closed: Promise.resolve(0) };
    const socket = createConnection(relay.port, '127.0.0.1').on('error', () => {});
    socket.on('data', chunk => {
      state.received += chunk.length;
    });
    state.closed = new Promise(resolve => socket.on('close', () => resolve(state.received)));
    return state;
  }

  test('passes everything and counts it', async () => {
    assert.equal(await receive().closed, SIZE);
    assert.equal(relay.passed, SIZE);
  });

  test('stands still after so many bytes, and goes on when released', async () => {
    relay.holdAfter(SIZE / 2);
    const transfer = receive();
    await until('the hold', () => relay.isHeld);
    relay.release();
    assert.equal(await transfer.closed, SIZE);
  });

  test('refuses while it is cut', async () => {
    relay.cut();
    assert.equal(await receive().closed, 0);
    relay.heal();
    assert.equal(await receive().closed, SIZE);
  });
});
