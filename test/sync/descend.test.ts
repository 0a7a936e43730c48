import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Entry } from '../../src/core/entry.ts';
import { DomainIndex } from '../../src/folder/index-store.ts';
import { descend, type Pair } from '../../src/sync/descend.ts';
import { type Peer, PeerError, TooMuch } from '../../src/sync/peer.ts';
import { systemClock } from '../../src/system-clock.ts';
import { file } from '../support/entries.ts';
import { domain } from '../support/station.ts';

const NEVER = new AbortController().signal;
const ACME = domain('acme', 'north').name;

const indexOf = (entries: Iterable<Entry>) => {
  const index = new DomainIndex();
  for (const entry of entries) index.set(entry);
  return { domain: ACME, children: index.children.bind(index), under: index.under.bind(index) };
};
const files = (count: number, version = { 1: 1 }) =>
  Array.from({ length: count }, (_, i) => file(`directory ${i % 100}/${i}`, version));

/** A peer that answers from an index, and how many entries it was asked for at a time. */
function peerOf(entries: Iterable<Entry>, most = Number.POSITIVE_INFINITY) {
  const index = indexOf(entries);
  const asked: number[] = [];
  const peer: Pick<Peer, 'digests' | 'entriesUnder'> = {
    digests: async (_, prefixes) => index.children(prefixes),
    async entriesUnder(_, prefixes) {
      const found = [...index.under(prefixes)];
      asked.push(found.length);
      if (found.length > most) throw new TooMuch(200, 'it has more than may be held');
      return found;
    },
  };
  return { peer, asked };
}

async function differences(mine: Iterable<Entry>, peer: Pick<Peer, 'digests' | 'entriesUnder'>): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for await (const some of descend(indexOf(mine), peer, systemClock, NEVER)) pairs.push(...some);
  return pairs;
}

const both = 30_000;
/** So many that a sixteenth of them is more than may be asked for at once. */
const many = 330_000;
const cases: Record<string, [mine: Entry[], theirs: Entry[], differ: number]> = {
  'nothing here': [[], files(many), many],
  'nothing there': [files(both), [], both],
  'all is newer there': [files(both), files(both, { 1: 2 }), both],
  'some more there': [files(both), files(both + 7), 7],
  'equal trees': [files(1_000), files(1_000), 0],
};

describe('the descent', () => {
  for (const [name, [mine, theirs, differ]] of Object.entries(cases)) {
    it(`finds what differs, and asks for no more than 20,000 entries at once: ${name}`, async () => {
      const { peer, asked } = peerOf(theirs);
      const pairs = await differences(mine, peer);
      assert.equal(pairs.length, differ);
      assert.equal(new Set(pairs.map(({ own, theirs }) => (own ?? theirs)!.path)).size, differ);
      assert.ok(Math.max(0, ...asked) <= 20_000, `${Math.max(...asked)} at once`);
    });

    it(`asks for less where that is too much: ${name}`, async () => {
      const { peer } = peerOf(theirs, 500);
      assert.equal((await differences(mine, peer)).length, differ);
    });
  }

  it('asks nothing more of a peer about what it has nothing of', async () => {
    const { peer, asked } = peerOf([]);
    let questions = 0;
    const digests: Peer['digests'] = (...of) => {
      questions++;
      return peer.digests(...of);
    };
    await differences(files(both), { ...peer, digests });
    assert.deepEqual([questions, asked], [1, []]);
  });

  it('gives a peer up for which the least is too much', async () => {
    const { peer, asked } = peerOf(files(both), 10);
    await assert.rejects(differences([], peer), PeerError);
    assert.ok(asked.length < 5, `${asked.length} questions`);
  });
});
