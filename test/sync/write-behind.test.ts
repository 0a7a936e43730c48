import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WriteBehind } from '../../src/sync/write-behind.ts';

const MIB = 1024 * 1024;

/** A file that is written when it is told to. */
class SlowInlet {
  readonly size = 0;
  readonly written: Uint8Array[] = [];
  underWay = 0;
  most = 0;
  readonly #gates: PromiseWithResolvers<void>[] = [];

  async write(...parts: Uint8Array[]): Promise<void> {
    this.most = Math.max(this.most, ++this.underWay);
    const gate = Promise.withResolvers<void>();
    this.#gates.push(gate);
    await gate.promise;
    this.underWay--;
    // What it was given is its own until here only.
    this.written.push(...parts.map(part => part.slice()));
  }

  next(error?: Error): void {
    const gate = this.#gates.shift()!;
    error ? gate.reject(error) : gate.resolve();
  }

  syncs = 0;

  async sync(): Promise<void> {
    this.syncs++;
  }

  close(): void {}
}

const turns = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

describe('writing behind', () => {
  it('writes everything in order, one write at a time, and holds two pieces at most', async () => {
    const inlet = new SlowInlet();
    const writer = new WriteBehind(inlet);
    let taken = 0;
    const adding = (async () => {
      for (let i = 0; i < 100; i++) {
        await writer.add(new Uint8Array(64 * 1024).fill(i));
        taken++;
      }
      await writer.end();
    })();
    await turns();
    // The first piece is being written, the second waits for it.
    assert.ok(taken * 64 * 1024 <= 2 * MIB, `${taken} were taken`);
    let over = false;
    adding.then(() => {
      over = true;
    });
    while (!over) {
      if (inlet.underWay > 0) inlet.next();
      await new Promise(setImmediate);
    }
    assert.equal(inlet.most, 1);
    assert.deepEqual(
      inlet.written.map(part => part[0]),
      Array.from({ length: 100 }, (_, i) => i),
    );
  });

  it('tells of a failed write who adds, or ends, next', async () => {
    for (const next of ['add', 'end'] as const) {
      const inlet = new SlowInlet();
      const writer = new WriteBehind(inlet);
      await writer.add(new Uint8Array(MIB));
      inlet.next(new Error('disk full'));
      await assert.rejects(next === 'add' ? writer.add(new Uint8Array(MIB)) : writer.end(), /disk full/);
    }
  });

  it('lets the disk begin with a large file before its end', async () => {
    const inlet = new SlowInlet();
    const writer = new WriteBehind(inlet);
    for (let i = 0; i < 200; i++) {
      await writer.add(new Uint8Array(MIB));
      inlet.next();
      await turns();
    }
    assert.ok(inlet.syncs >= 2 && inlet.syncs <= 3, `${inlet.syncs} times`);
  });

  it('gives the memory of what is written back, unless others have a share in it', async () => {
    const inlet = new SlowInlet();
    const writer = new WriteBehind(inlet);
    const [own, shared] = [new Uint8Array(MIB).fill(1), new Uint8Array(2 * MIB).fill(2)];
    await writer.add(own);
    const added = writer.add(shared.subarray(MIB));
    await turns();
    assert.equal(own.length, MIB, 'it is being written');
    inlet.next();
    await added;
    inlet.next();
    await writer.end();
    assert.deepEqual(
      inlet.written.map(part => [part.length, part[0]]),
      [
        [MIB, 1],
        [MIB, 2],
      ],
    );
    assert.deepEqual([own.length, shared.length], [0, 2 * MIB]);
  });

  it('of nothing writes nothing', async () => {
    const inlet = new SlowInlet();
    await new WriteBehind(inlet).end();
    assert.equal(inlet.most, 0);
  });
});
