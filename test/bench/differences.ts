/** A few differences among many entries, made while the peer is down: only the digests can find them. */
import { lstatSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { longestBlock } from './event-loop.ts';
import { fileOf, type Grove } from './grow-tree.ts';
import { momentOf } from './moment.ts';
import { DOMAIN, domainOf, exchanged, inSync, startInstance, stopInstance } from './network.ts';
import type { Standing } from './standing.ts';

const REWRITTEN = 5;
const CREATED = 3;
const DELETED = 2;
/** Longer than a file has to stand still to be announced, and missing files to be missed. */
const NOTICED_MS = 3_000;

/** How some differences were found. */
export interface Found {
  /** Milliseconds from the moment at which the peer is ready until the last difference is gone from its disk. */
  readonly ms: number;
  /** Bytes of index, both directions, as the peer counts them since its process started. */
  readonly indexBytes: number;
  /** Everything, content and headers of HTTP too, as counted between the two. */
  readonly wireBytes: number;
  /** Milliseconds of the longest block of an event loop on the origin, since the peer was started. */
  readonly blockMs: number;
}

/** Once a round: the peer is stopped, ten paths change at the origin, the peer is started. */
export async function differenceRounds({ bench, network, grove, origin, peer }: Standing): Promise<Found[]> {
  const found: Found[] = [];
  for (let round = 0; round < bench.rounds; round++) {
    const complaint = await stopInstance(peer);
    if (complaint !== undefined) throw new Error(complaint);
    const { digest } = await domainOf(origin);
    const isThere = differ(origin.path(DOMAIN), peer.path(DOMAIN), grove, round);
    await sleep(NOTICED_MS);
    if ((await domainOf(origin)).digest === digest) throw new Error('the origin did not notice the differences');
    await longestBlock(origin);
    const onWire = () => network.instances.reduce((sum, { name }) => sum + network.wire(name).bytes, 0);
    const before = onWire();
    const [ready, gone] = await Promise.all([
      startInstance(peer, 5),
      momentOf('the differences to be gone', isThere, { evidence: () => peer.tail }),
    ]);
    await inSync(network.instances, 20);
    found.push({
      ms: Math.max(0, gone - ready),
      indexBytes: await exchanged(peer, { kind: 'index' }),
      wireBytes: onWire() - before,
      blockMs: await longestBlock(origin),
    });
    bench.say(`found after ${Math.round(found.at(-1)!.ms)} ms with ${found.at(-1)!.indexBytes} bytes of index`);
  }
  return found;
}

/** Makes the differences of a round; answers whether the other side has them. */
function differ(from: string, to: string, grove: Grove, round: number): () => boolean {
  const count = REWRITTEN + DELETED;
  // Spread over the tree, and others in each round.
  const numbers = Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * grove.files) / count) + round);
  const rewritten = numbers.slice(0, REWRITTEN).map(number => fileOf(grove, number));
  const deleted = numbers.slice(REWRITTEN).map(number => fileOf(grove, number));
  const created = Array.from({ length: CREATED }, (_, i) => `created ${round} ${i}.txt`);
  for (const path of [...rewritten, ...created]) writeFileSync(join(from, path), `made in round ${round}: ${path}\n`);
  for (const path of deleted) unlinkSync(join(from, path));
  const size = (root: string, path: string) => lstatSync(join(root, path), { throwIfNoEntry: false })?.size;
  return () =>
    [...rewritten, ...created].every(path => size(from, path) === size(to, path)) &&
    deleted.every(path => size(to, path) === undefined);
}
