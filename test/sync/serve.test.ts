import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import type { DomainName } from '../../src/core/path.ts';
import type { Instance } from '../../src/core/topology.ts';
import { MAX_JSON_BYTES } from '../../src/peer/protocol.ts';
import type { ChangesQuery } from '../../src/sync/peer.ts';
import { Refusal } from '../../src/sync/refusal.ts';
import { file, pathOf } from '../support/entries.ts';
import { instance } from '../support/network.ts';
import { domain, type Station, World } from '../support/station.ts';

const gateway = instance(1, 'north', true);
const member = instance(2, 'north');
const south = instance(3, 'south', true);
const southMember = instance(4, 'south');
const far = instance(5, 'far', true);
const disabled: Instance = { ...instance(6, 'north'), enabled: false };
const ALL = [gateway, member, south, southMember, far, disabled];

const SHARED = 'shared' as DomainName;
const LOCAL = 'local' as DomainName;
const domains = [domain(SHARED, 'north', 'south', 'far'), domain(LOCAL, 'north')];
const signal = new AbortController().signal;

/** One running instance, and peers that exist on paper. */
async function serving(prepare: (station: Station) => void = () => {}): Promise<{ world: World; station: Station }> {
  const world = new World([gateway], domains);
  world.network = { ...world.network, sites: ['north', 'south', 'far'], instances: ALL };
  const station = world.at(1);
  prepare(station);
  await world.start();
  return { world, station };
}

function refusedWith(status: number): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof Refusal, String(error));
    assert.equal(error.status, status, error.message);
    return true;
  };
}

const query = (station: Station, since: number, wait = 0): ChangesQuery => ({
  epoch: station.feed.epoch,
  since,
  done: since,
  wait,
});
const text = async (chunks: AsyncIterable<Uint8Array>) => {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString();
};

describe('who may ask', () => {
  const cases: [name: string, roleid: number, may: boolean][] = [
    ['a member of the site', 2, true],
    ['a gateway of another site', 3, true],
    ['a member of another site', 4, false],
    ['a disabled instance', 6, false],
    ['itself', 1, false],
    ['somebody unknown', 99, false],
  ];
  it('is of the own site, or a gateway to a gateway', async () => {
    const { world, station } = await serving();
    for (const [name, roleid, may] of cases) {
      if (may) assert.equal(station.server.admit(roleid).roleid, roleid, name);
      else assert.throws(() => station.server.admit(roleid), refusedWith(403), name);
    }
    await world.stop();
  });
});

describe('what is seen of domains', () => {
  it('is those of the asking site alone, by whatever question', async () => {
    const { world, station } = await serving(each => {
      each.write('local/secret');
      each.write('shared/open');
    });
    const { server } = station;
    assert.deepEqual(
      server
        .domains(member)
        .domains.map(state => state.domain)
        .sort(),
      [LOCAL, SHARED],
    );
    assert.deepEqual(
      server.domains(south).domains.map(state => state.domain),
      [SHARED],
    );
    const questions = [
      () => server.digests(south, LOCAL, ['']),
      () => server.entriesUnder(south, LOCAL, ['']),
      () => server.entriesAt(south, LOCAL, [pathOf('secret')]),
      () => server.digests(member, 'nowhere' as DomainName, ['']),
    ];
    for (const ask of questions) assert.throws(ask, refusedWith(404));
    await assert.rejects(server.open(south, LOCAL, pathOf('secret')), refusedWith(404));
    const bundle = server.bundle(south, LOCAL, [{ path: pathOf('secret'), size: 12, mtime: 0 }], signal);
    await assert.rejects(text(bundle as never), refusedWith(404));
    station.write('local/secret', 'again');
    station.write('shared/open', 'again');
    await world.pass(5_000);
    const told = await server.changes(south, query(station, 0), signal);
    assert.ok(!JSON.stringify(told).includes('secret') && JSON.stringify(told).includes('open'));
    await world.stop();
  });

  it('is 503 before the first scan has ended', async () => {
    const world = new World([gateway], domains);
    world.network = { ...world.network, sites: ['north', 'south', 'far'], instances: ALL };
    const { server } = world.at(1);
    assert.deepEqual(
      server.domains(member).domains.map(({ state }) => state),
      ['scanning', 'scanning'],
    );
    assert.throws(
      () => server.digests(member, SHARED, ['']),
      error => refusedWith(503)(error) && (error as Refusal).retryAfter! > 0,
    );
  });

  it('adds up: state, counts, bytes, digest', async () => {
    const { world, station } = await serving(each => {
      each.write('shared/a', 'aa');
      each.write('shared/b', 'bbb');
    });
    const [state] = station.server.domains(south).domains;
    assert.deepEqual([state?.state, state?.entries, state?.files, state?.bytes], ['serving', 2, 2, 5]);
    assert.equal(state?.digest, station.life(SHARED).replica.digest);
    station.life(SHARED).objection = 'the marker is gone';
    assert.equal(station.server.domains(south).domains[0]?.state, 'halted');
    await world.stop();
  });
});

describe('the feed of a server', () => {
  it('tells each changed path once, as it is now, and where to go on', async () => {
    const { world, station } = await serving();
    const since = station.feed.sequence;
    for (const content of ['1', '22', '333']) {
      station.write('shared/f', content);
      await world.pass(3_000);
    }
    station.write('shared/g');
    await world.pass(3_000);
    const answer = await station.server.changes(south, query(station, since), signal);
    assert.deepEqual(
      answer.changes.map(({ entry }) => [entry.path, entry.size]),
      [
        ['f', 3],
        ['g', 8],
      ],
    );
    assert.equal(answer.sequence, station.feed.sequence);
    assert.deepEqual((await station.server.changes(south, query(station, answer.sequence), signal)).changes, []);
    await world.stop();
  });

  it('tells no more at once than a peer takes, however long the paths', async () => {
    const { world, station } = await serving();
    const since = station.feed.sequence;
    // The longest texts that an entry may have, of characters that are the longest in JSON.
    const [path, target] = [`${'\udc80'.repeat(250)}/`.repeat(15), '\udc80'.repeat(4095)];
    const link = { ...file('f', { 1: 1 }), path: pathOf(`${path}f`), kind: 'symlink', target } as const;
    station.life(SHARED).replica.get = () => link;
    for (let i = 0; i < 400; i++) station.feed.append(SHARED, pathOf(`${i}`), undefined);
    let cursor = since;
    let answers = 0;
    for (; cursor < station.feed.sequence; answers++) {
      const answer = await station.server.changes(south, query(station, cursor), signal);
      assert.ok(JSON.stringify(answer).length < MAX_JSON_BYTES);
      assert.ok(answer.sequence > cursor);
      cursor = answer.sequence;
    }
    assert.ok(answers > 1);
    await world.stop();
  });

  it('does not tell a site what was learned from it', async () => {
    const { world, station } = await serving();
    station.write('shared/f');
    await world.pass(3_000);
    const since = station.feed.sequence;
    station.feed.append(SHARED, pathOf('f'), 'south');
    const told = async (asking: Instance) =>
      (await station.server.changes(asking, query(station, since), signal)).changes.length;
    assert.deepEqual([await told(south), await told(member), await told(far)], [0, 1, 1]);
    await world.stop();
  });

  it('says reset to another epoch, and to a cursor that it does not cover', async () => {
    const { world, station } = await serving();
    const { server, feed } = station;
    assert.equal((await server.changes(south, { ...query(station, 0), epoch: 'another' }, signal)).reset, true);
    assert.equal((await server.changes(south, query(station, feed.sequence + 1), signal)).reset, true);
    assert.equal((await server.changes(south, query(station, feed.sequence), signal)).reset, false);
    await world.stop();
  });

  it('waits for news as long as it is asked to, and no longer', async () => {
    const { world, station } = await serving();
    await world.pass();
    let answered = 0;
    const ask = async (wait: number) => {
      const answer = await station.server.changes(south, query(station, station.feed.sequence, wait), signal);
      answered++;
      return answer.changes.map(({ entry }) => entry.path);
    };
    const heard = ask(25_000);
    await world.pass(100);
    assert.equal(answered, 0);
    station.write('shared/news');
    await world.pass(3_000);
    assert.deepEqual(await heard, ['news']);
    await world.stop();
    const stopped = await serving();
    const bounded = stopped.station.server.changes(
      south,
      query(stopped.station, stopped.station.feed.sequence, 1e9),
      signal,
    );
    await stopped.world.pass(31_000);
    assert.deepEqual((await bounded).changes, []);
    await stopped.world.stop();
  });

  it('looks at a domain once for all who wait for a heartbeat, and anew at the next one', async () => {
    const { world, station } = await serving();
    await world.pass();
    let looks = 0;
    let reason: string | undefined = 'it is away';
    Object.defineProperty(station.life(SHARED).replica, 'halted', {
      get: () => {
        looks++;
        return reason;
      },
    });
    const statesAtBeat = async () => {
      const asked = [member, south, far].map(asking =>
        station.server.changes(asking, query(station, station.feed.sequence, 25_000), signal),
      );
      await world.pass(10_000);
      const answers = await Promise.all(asked);
      return answers.map(({ states }) => states?.find(state => state.domain === SHARED)?.state);
    };
    assert.deepEqual(await statesAtBeat(), ['halted', 'halted', 'halted']);
    assert.equal(looks, 1);
    reason = undefined;
    assert.deepEqual(await statesAtBeat(), ['serving', 'serving', 'serving']);
    await world.stop();
  });

  it('gathers what the asking one may not see, and still tells at once what it may', async () => {
    const { world, station } = await serving();
    await world.pass();
    station.write('shared/f');
    await world.pass(3_000);
    let answered = 0;
    const ask = async () => {
      const answer = await station.server.changes(south, query(station, station.feed.sequence, 25_000), signal);
      answered++;
      return answer;
    };
    const unseen = ask();
    for (let i = 0; i < 10; i++) {
      station.feed.append(SHARED, pathOf('f'), 'south');
      await world.pass(10);
    }
    assert.equal(answered, 0);
    await world.pass(250);
    assert.deepEqual([(await unseen).changes, (await unseen).sequence], [[], station.feed.sequence]);
    const seen = ask();
    station.feed.append(SHARED, pathOf('f'), 'south');
    await world.pass(10);
    station.feed.append(SHARED, pathOf('f'), undefined);
    await world.pass(1);
    assert.equal((await seen).changes.length, 1);
    await world.stop();
  });

  it('carries heartbeats only with everything before them', async () => {
    const { world, station } = await serving();
    const since = station.feed.sequence;
    for (let i = 0; i < 4_500; i++) station.write(`shared/f${i}`);
    await world.pass(5_000);
    const first = await station.server.changes(south, query(station, since), signal);
    assert.ok(first.sequence < station.feed.sequence);
    assert.deepEqual(first.heard, {});
    const second = await station.server.changes(south, query(station, first.sequence), signal);
    assert.equal(second.sequence, station.feed.sequence);
    assert.ok((second.heard[SHARED]?.[1] ?? 0) > 0);
    assert.equal(new Set([...first.changes, ...second.changes].map(({ entry }) => entry.path)).size, 4_500);
    await world.stop();
  });

  it('remembers how far each peer has applied it', async () => {
    const { world, station } = await serving();
    await station.server.changes(south, { ...query(station, station.feed.sequence), done: 3 }, signal);
    assert.equal(station.feed.done.get(3)?.sequence, 3);
    await world.stop();
  });
});

describe('a file', () => {
  const F = pathOf('f');

  it('is served whole and in part', async () => {
    const { world, station } = await serving(each => each.write('shared/f', '0123456789'));
    const file = await station.server.open(south, SHARED, F);
    assert.equal(file.size, 10);
    assert.equal(await text(file.bytes(0, 10)), '0123456789');
    assert.equal(await text(file.bytes(4, 7)), '456');
    file.close();
    await world.stop();
  });

  it('of many chunks is served whole, each as it is until the next is asked for', async () => {
    const content = Array.from({ length: 200_000 }, (_, i) => String(i).padStart(10, '0')).join('');
    const { world, station } = await serving(each => each.write('shared/f', content));
    const file = await station.server.open(south, SHARED, F);
    for (const [start, end] of [
      [0, content.length],
      [777, 1_600_001],
    ] as const) {
      let served = '';
      for await (const chunk of file.bytes(start, end)) {
        // The one after this is on its way meanwhile.
        await new Promise(setImmediate);
        served += Buffer.from(chunk).toString('latin1');
      }
      assert.ok(served === content.slice(start, end), `${start} to ${end}`);
    }
    file.close();
    await world.stop();
  });

  it('that is replaced by rename while it is sent is served whole', async () => {
    const { world, station } = await serving(each => each.write('shared/f', 'old'));
    const file = await station.server.open(south, SHARED, F);
    station.write('other', 'new!');
    station.volume.disk.rename('other', 'shared/f');
    assert.equal(await text(file.bytes(0, 3)), 'old');
    await world.stop();
  });

  it('that is written while it is sent is never served mixed', async () => {
    const { world, station } = await serving(each => each.write('shared/f', 'x'.repeat(600_000)));
    const file = await station.server.open(south, SHARED, F);
    const received: Uint8Array[] = [];
    await assert.rejects(async () => {
      for await (const chunk of file.bytes(0, 600_000)) {
        received.push(chunk);
        station.volume.disk.append('shared/f', Buffer.from('y'));
      }
    }, refusedWith(409));
    assert.ok(Buffer.concat(received).length < 600_000);
    await world.stop();
  });

  it('that the index does not know, or knows otherwise, is refused and looked at', async () => {
    const { world, station } = await serving(each => {
      each.write('shared/f');
      each.volume.disk.mkdir('shared/d', 0o755);
    });
    for (const path of ['none', 'd'])
      await assert.rejects(station.server.open(south, SHARED, pathOf(path)), refusedWith(404));
    const replica = station.life(SHARED).replica;
    const digest = replica.digest;
    // Without an event: only the request can have told of it.
    station.volume.disk.restore({
      path: 'shared/f',
      tree: { ...station.volume.disk.snapshot('shared/f').tree!, size: 3 },
    });
    await assert.rejects(station.server.open(south, SHARED, F), refusedWith(409));
    await world.pass(5_000);
    assert.notEqual(replica.digest, digest);
    await world.stop();
  });

  it('in a bundle comes with the status that it would have alone', async () => {
    const { world, station } = await serving(each => {
      each.write('shared/a', 'aaa');
      each.write('shared/b', 'bbb');
    });
    const replica = station.life(SHARED).replica;
    const ref = (path: string) => {
      const { size, mtime } = replica.get(pathOf(path))!;
      return { path: pathOf(path), size, mtime };
    };
    const files = [ref('a'), { path: pathOf('none'), size: 1, mtime: 1 }, { ...ref('b'), mtime: 1 }, ref('b')];
    const items: unknown[] = [];
    for await (const item of station.server.bundle(south, SHARED, files, signal))
      items.push([item.path, 'bytes' in item ? Buffer.from(item.bytes).toString() : item.status]);
    assert.deepEqual(items, [
      ['a', 'aaa'],
      ['none', 404],
      ['b', 412],
      ['b', 'bbb'],
    ]);
    await world.stop();
  });

  it('is not read before its date is a granule old', async () => {
    const { world, station } = await serving();
    station.write('shared/f');
    await world.pass(0);
    const entry = station.life(SHARED).replica.get(F);
    assert.ok(entry, 'announced at once');
    let opened = false;
    const file = station.server.open(south, SHARED, F).then(found => {
      opened = true;
      return found;
    });
    await world.pass(1);
    assert.equal(opened, false);
    await world.pass(1);
    assert.equal((await file).mtime, entry.mtime);
    await world.stop();
  });
});

describe('hashes of content', () => {
  it('are of exactly the version that is asked for', async () => {
    const { world, station } = await serving(one => {
      one.write('shared/a', 'content');
      one.write('shared/b', 'content');
    });
    const asking = station.server.admit(2);
    const refOf = (path: string) => station.life().replica.get(pathOf(path))!;
    const ask = async (...files: { path: string; size: number; mtime: number }[]) => {
      const items = [];
      for await (const item of station.server.hashes(asking, SHARED, files as never, signal)) items.push(item);
      return items;
    };
    const [a, b] = [refOf('a'), refOf('b')];
    const hash = createHash('sha256').update('content').digest('hex');
    assert.deepEqual(await ask(a, b, { ...b, size: 3 }, { ...b, path: 'c' }), [
      { path: 'a', hash },
      { path: 'b', hash },
      { path: 'b', status: 412 },
      { path: 'c', status: 404 },
    ]);
    await world.stop();
  });

  it('of a domain that the asking site does not serve are refused', async () => {
    const { world, station } = await serving();
    const items = station.server.hashes(station.server.admit(3), LOCAL, [], signal);
    await assert.rejects(items[Symbol.asyncIterator]().next(), refusedWith(404));
    await world.stop();
  });
});
