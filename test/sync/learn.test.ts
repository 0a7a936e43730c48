import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_SKEW_MS } from '../../src/core/clock.ts';
import type { Entry } from '../../src/core/entry.ts';
import type { Instance } from '../../src/core/topology.ts';
import { Refusal } from '../../src/sync/refusal.ts';
import { file, pathOf } from '../support/entries.ts';
import { START } from '../support/life.ts';
import { instance } from '../support/network.ts';
import { domain, type Station, World } from '../support/station.ts';

const ACME = domain('acme', 'north');

async function pair(prepare: (world: World) => void = () => {}): Promise<{ world: World; one: Station; two: Station }> {
  const world = new World([instance(1, 'north'), instance(2, 'north')], [ACME]);
  prepare(world);
  await world.start();
  return { world, one: world.at(1), two: world.at(2) };
}

const learnerOf = (station: Station) => station.loop.links[0]!.learner;
const wantsOf = (station: Station) => station.loop.domain(ACME.name)!.wants;
const heard = (station: Station, origin: number) => station.life().replica.heard.get(origin) ?? 0;
const refusal = (status: 403 | 404 | 503) => () => {
  throw new Refusal(status, 'No', 'as the test wants it');
};

describe('a peer', () => {
  it('that answers is live, and nothing is behind', async () => {
    const { world, one, two } = await pair(({ stations }) => stations.get(1)!.write('acme/f'));
    const learner = learnerOf(two);
    assert.deepEqual([learner.state, learner.lagMs(ACME.name), learner.failures], ['live', 0, 0]);
    assert.equal(learner.links.get(ACME.name)?.mismatched, 0);
    assert.ok(Math.abs(learner.skewMs!) < 100);
    assert.ok(one.feed.done.has(2));
    await world.stop();
  });

  const states: [name: string, intercept: Station['intercept'], state: string, reason: RegExp][] = [
    ['that refuses us', { admit: refusal(403) }, 'refused', /as the test wants it/],
    ['that fails', { domains: refusal(503) }, 'backoff', /as the test wants it/],
    [
      'that is somebody else',
      { self: () => ({ roleid: 9, name: 'x', site: 'north', version: '0', epoch: 'e', clock: 0, protocols: [1] }) },
      'misrouted',
      /roleid 9/,
    ],
    [
      'that speaks another protocol',
      { self: () => ({ roleid: 1, name: 'x', site: 'north', version: '0', epoch: 'e', clock: 0, protocols: [7] }) },
      'backoff',
      /protocol 7/,
    ],
  ];
  for (const [name, intercept, state, reason] of states)
    it(`${name} is ${state}: nothing is learned, the lag grows, and when that has ended all is well`, async () => {
      const { world, one, two } = await pair(({ stations }) => {
        stations.get(1)!.write('acme/f');
        stations.get(1)!.intercept = intercept;
      });
      const learner = learnerOf(two);
      await world.pass(60_000);
      assert.equal(learner.state, state);
      assert.match(learner.reason ?? '', reason);
      assert.equal(two.text('acme/f'), undefined);
      assert.ok(learner.lagMs(ACME.name) > 60_000);
      assert.equal(two.events.filter(({ event }) => event.includes('failed')).length, 1);
      one.intercept = {};
      await world.pass();
      assert.deepEqual([learner.state, learner.reason, learner.lagMs(ACME.name)], ['live', undefined, 0]);
      assert.equal(two.text('acme/f'), 'acme/f');
      await world.stop();
    });

  it('is measured once a minute: its clock, the way to it, its failures, and since when the digests differ', async () => {
    const { world, one, two } = await pair();
    const learner = learnerOf(two);
    const { self: greeted = 0 } = one.asked;
    await world.pass(200_000);
    assert.ok(
      one.asked.self! - greeted >= 2 && one.asked.self! - greeted <= 4,
      `${one.asked.self! - greeted} greetings`,
    );
    assert.ok(learner.roundTripMs! >= 0 && learner.roundTripMs! < 1_000);
    assert.ok(learner.comparisons.equal > 5 && learner.comparisons.different === 0);
    assert.equal(learner.links.get(ACME.name)?.mismatchedSince, undefined);
    assert.ok(world.clock.now() - learner.lastCompared! < 20_000);

    // Nothing of what differs can be learned: it stays so.
    one.intercept = { entriesUnder: refusal(503), changes: refusal(503) };
    await world.pass(40_000);
    one.write('acme/f');
    await world.pass(60_000);
    const since = learner.links.get(ACME.name)?.mismatchedSince;
    assert.ok(since !== undefined && world.clock.now() - since > 30_000);
    assert.ok(learner.failed.backoff > 1 && learner.failed.refused === 0);
    await world.pass(60_000);
    assert.equal(learner.links.get(ACME.name)?.mismatchedSince, since);
    one.intercept = {};
    await world.pass(60_000);
    assert.equal(learner.links.get(ACME.name)?.mismatchedSince, undefined);
    await world.stop();
  });

  it('that cannot be reached is tried again within 15 s, not all the time', async () => {
    const { world, one, two } = await pair();
    world.links.cut(1, 2);
    await world.pass(300_000);
    const { failures } = learnerOf(two);
    assert.ok(failures > 10 && failures < 100, `${failures} failures in five minutes`);
    one.write('acme/f');
    world.links.mend(1, 2);
    await world.pass(40_000);
    assert.equal(two.text('acme/f'), 'acme/f');
    await world.stop();
  });

  it('that answers at once without news is not asked all the time', async () => {
    const { world, one } = await pair();
    one.intercept = {
      changes: async (asking, query, signal) => one.server.changes(asking, { ...query, wait: 0 }, signal),
    };
    const { changes: before = 0 } = one.asked;
    await world.pass(10_000);
    assert.ok(one.asked.changes! - before < 600, `${one.asked.changes! - before} questions in ten seconds`);
    await world.stop();
  });

  it('that has kept a question for as long as it should is asked the next one at once', async () => {
    const { world, one } = await pair();
    const { clock } = world;
    const pauses: number[] = [];
    let answeredAt: number | undefined;
    one.intercept.changes = async (...asked) => {
      if (answeredAt !== undefined) pauses.push(clock.now() - answeredAt);
      try {
        return await one.server.changes(...asked);
      } finally {
        answeredAt = clock.now();
      }
    };
    await world.pass(60_000);
    assert.ok(pauses.length > 3);
    // The way there and back, by which these would be 20 ms longer.
    assert.ok(Math.min(...pauses) < 20, `${pauses} ms between an answer and the next question`);
    await world.stop();
  });

  it('that does not serve the domain now is no error', async () => {
    const { world, one, two } = await pair();
    one.intercept.domains = () => ({ epoch: one.feed.epoch, sequence: one.feed.sequence, domains: [] });
    one.intercept.changes = async (...asked) => ({ ...(await one.server.changes(...asked)), states: [] });
    await world.pass();
    assert.equal(learnerOf(two).state, 'live');
    assert.equal(learnerOf(two).links.get(ACME.name)?.state, 'not-served');
    await world.stop();
  });

  it('that scans is waited for', async () => {
    const { world, one, two } = await pair(({ stations }) => {
      const station = stations.get(1)!;
      station.write('acme/f');
      const scanning = (asking: Instance) => {
        const states = station.server.domains(asking);
        return { ...states, domains: states.domains.map(state => ({ ...state, state: 'scanning' as const })) };
      };
      station.intercept.domains = scanning;
      station.intercept.changes = async (asking, ...asked) => {
        const news = await station.server.changes(asking, ...asked);
        return { ...news, ...(news.states && { states: scanning(asking).domains }) };
      };
    });
    assert.equal(learnerOf(two).links.get(ACME.name)?.state, 'scanning');
    one.intercept = {};
    await world.pass();
    assert.equal(two.text('acme/f'), 'acme/f');
    await world.stop();
  });
});

describe('learning', () => {
  it('by the feed asks for no digests', async () => {
    const { world, one, two } = await pair();
    const before = one.asked.digests ?? 0;
    one.write('acme/f');
    await world.pass(5_000);
    assert.equal(two.text('acme/f'), 'acme/f');
    assert.equal(one.asked.digests ?? 0, before);
    await world.stop();
  });

  it('by digests goes down only where they differ', async () => {
    const { world, one, two } = await pair(({ stations }) => {
      for (const station of stations.values())
        for (let i = 0; i < 3_000; i++) {
          station.write(`acme/f${i}`);
          station.volume.disk.setDate(`acme/f${i}`, 1_600_000_000_000);
        }
      stations.get(1)!.write('acme/different');
    });
    assert.equal(two.text('acme/different'), 'acme/different');
    let entries = 0;
    one.intercept.entriesUnder = (asking, name, prefixes) => {
      const found = [...one.server.entriesUnder(asking, name, prefixes)];
      entries += found.length;
      return found;
    };
    world.links.cut(1, 2);
    await world.pass(40_000);
    // What was missed is more than the feed tells: another epoch would do the same.
    one.intercept.changes = async () => ({ epoch: 'x', sequence: 0, reset: true, changes: [], heard: {} });
    one.write('acme/different', 'again');
    await world.pass(5_000);
    world.links.mend(1, 2);
    await world.pass(2_000);
    one.intercept = { entriesUnder: one.intercept.entriesUnder! };
    await world.pass(60_000);
    assert.equal(two.text('acme/different'), 'again');
    assert.ok(entries < 200, `${entries} entries for one difference`);
    await world.stop();
  });

  it('compares nothing with a peer that is on its way, and does with one that has stopped', async () => {
    const { world, one, two } = await pair();
    const { clock } = world;
    let stalled = false;
    one.intercept.bundle = async function* (asking, name, files, signal) {
      if (stalled) throw new Refusal(503, 'Later', 'as the test wants it');
      await clock.view().sleep(4_000);
      yield* one.server.bundle(asking, name, files, signal);
    };
    const before = two.asked.digests ?? 0;
    // For longer than it is waited for one that stands.
    for (let i = 0; i < 30; i++) {
      one.write(`acme/f${i}`);
      await world.pass(3_000);
    }
    assert.equal(two.asked.digests ?? 0, before);
    await world.pass(10_000);
    stalled = true;
    one.write('acme/stuck');
    await world.pass(60_000);
    assert.ok((two.asked.digests ?? 0) > before);
    assert.equal(learnerOf(one).links.get(ACME.name)?.mismatched, 1);
    await world.stop();
  });

  it('an entry of the future waits until time has caught up', async () => {
    const future: Entry = file('f', { 1: START + 3 * MAX_SKEW_MS }, { size: 6, mtime: 1_600_000_000_000 });
    const { world, one, two } = await pair(({ stations }) => {
      const station = stations.get(1)!;
      station.intercept.changes = async (asking, query, signal) => {
        const answer = await station.server.changes(asking, query, signal);
        return { ...answer, changes: answer.changes.map(change => ({ ...change, entry: future })) };
      };
      station.intercept.entriesUnder = () => [future];
    });
    one.write('acme/f');
    one.volume.disk.setDate('acme/f', future.mtime);
    await world.pass();
    assert.equal(two.text('acme/f'), undefined);
    assert.deepEqual(
      two
        .life()
        .replica.problems.list()
        .map(problem => [problem.path, problem.class]),
      [['f', 'clock']],
    );
    await world.pass(3 * MAX_SKEW_MS);
    assert.equal(two.text('acme/f'), 'acme/f');
    assert.deepEqual(two.life().replica.problems.list(), []);
    await world.stop();
  });

  it('what is ignored here is not wanted', async () => {
    const { world, one, two } = await pair(({ stations }) => {
      stations.get(2)!.life().ignored = ['secret'];
    });
    one.write('acme/secret');
    one.write('acme/open');
    await world.pass();
    assert.deepEqual([two.text('acme/secret'), two.text('acme/open')], [undefined, 'acme/open']);
    await world.stop();
  });
});

describe('a heartbeat', () => {
  it('arrives every ten seconds where nothing changes', async () => {
    const { world, one, two } = await pair();
    for (let i = 0; i < 5; i++) {
      await world.pass(30_000);
      assert.ok(world.clock.now() - heard(two, 1) <= 12_000);
      assert.ok(world.clock.now() - heard(one, 2) <= 12_000);
    }
    await world.stop();
  });

  it('arrives only when everything before it is applied', async () => {
    const { world, one, two } = await pair();
    let stalled = true;
    one.intercept.bundle = async function* (asking, name, files, signal) {
      if (stalled) throw new Refusal(503, 'Later', 'as the test wants it');
      yield* one.server.bundle(asking, name, files, signal);
    };
    await world.pass(1);
    const before = world.clock.now();
    one.write('acme/f');
    await world.pass(120_000);
    assert.ok(heard(two, 1) <= before + 100, `heard ${heard(two, 1) - before} ms after what is not applied`);
    assert.ok(learnerOf(two).lagMs(ACME.name) > 100_000);
    assert.ok([...one.feed.done.values()].every(({ sequence }) => sequence < one.feed.sequence));
    stalled = false;
    await world.pass(90_000);
    assert.ok(world.clock.now() - heard(two, 1) <= 12_000);
    assert.equal(wantsOf(two).size, 0);
    assert.equal(one.feed.done.get(2)?.sequence, one.feed.sequence);
    await world.stop();
  });

  it('is not believed of a time to come, nor of strangers', async () => {
    const { world, one, two } = await pair();
    const lies = { 1: START + 10 * MAX_SKEW_MS * 365 * 144, 2: START + 2 * MAX_SKEW_MS, 7: START };
    one.intercept.changes = async (asking, query, signal) => {
      const answer = await one.server.changes(asking, query, signal);
      const states = answer.states?.map(state => ({ ...state, heard: lies }));
      return { ...answer, heard: { [ACME.name]: lies }, ...(states && { states }) };
    };
    one.intercept.domains = asking => {
      const states = one.server.domains(asking);
      return { ...states, domains: states.domains.map(state => ({ ...state, heard: lies })) };
    };
    await world.pass(60_000);
    assert.ok(heard(two, 1) <= world.clock.now());
    assert.ok(heard(two, 2) <= world.clock.now());
    assert.equal(heard(two, 7), 0);
    one.intercept = {};
    await world.pass(30_000);
    assert.ok(world.clock.now() - heard(two, 1) <= 12_000);
    await world.stop();
  });

  it('of a clock that was far ahead is forgotten when that is put right', async () => {
    const { world, two } = await pair();
    two.life().replica.hear([[2, world.clock.now() + 24 * 3_600_000]]);
    await world.pass(20_000);
    assert.ok(Math.abs(world.clock.now() - heard(two, 2)) <= 12_000);
    await world.stop();
  });

  it('is not held up by what only a person can heal', async () => {
    const { world, one, two } = await pair();
    two.volume.disk.mknod('acme/f');
    one.write('acme/f');
    await world.pass(60_000);
    assert.equal(two.life().replica.get(pathOf('f')), undefined);
    assert.ok(world.clock.now() - heard(two, 1) <= 12_000);
    assert.deepEqual(
      two
        .life()
        .replica.problems.list()
        .map(problem => [problem.path, problem.class]),
      [['f', 'unwritable']],
    );
    await world.stop();
  });
});

describe('a peer that answers at once and says nothing', () => {
  const EMPTY = { reset: false, changes: [], heard: {} };
  const MINUTE = 60;
  const cases: Record<string, Partial<Station['intercept']>> = {
    'that its feed begins anew': { changes: async () => ({ ...EMPTY, epoch: '', sequence: 0, reset: true }) },
    'that a domain has become ready': {
      changes: async () => ({ ...EMPTY, epoch: '', sequence: 0, compare: [ACME.name] }),
    },
  };
  for (const [name, intercept] of Object.entries(cases))
    it(`but ${name} is asked a few times a second, and compared with a few times in ten`, async () => {
      const { world, one } = await pair();
      one.intercept = intercept;
      await world.pass(10_000);
      const before = { ...one.asked };
      await world.pass(MINUTE * 1000);
      const asked = (what: string) => (one.asked[what] ?? 0) - (before[what] ?? 0);
      assert.ok(asked('changes') <= MINUTE * 60, `${asked('changes')} polls`);
      assert.ok(asked('domains') <= MINUTE * 2, `${asked('domains')} comparisons`);
      one.intercept = {};
      one.write('acme/after');
      await world.pass();
      assert.equal(world.at(2).text('acme/after'), 'acme/after');
      await world.stop();
    });
});
