/** The bundle: exactly the files that were asked for, in their order and sizes, or a refusal. */
import assert from 'node:assert/strict';
import { readBundle } from '../../src/peer/bundle-format.ts';
import { ByteReader, WireError } from '../../src/peer/byte-reader.ts';
import { pathOf } from '../peer/in-memory-serving.ts';
import { always, type Target } from './target.ts';

const FILES = [
  { path: pathOf('a'), size: 10, mtime: 1 },
  { path: pathOf('d/"q"\n'), size: 0, mtime: 2 },
  { path: pathOf('\udc80'), size: 3, mtime: 3 },
];
const CONTENT = ['0123456789', '', '{"\n'];
const RIGHT = FILES.map((file, i) => `${JSON.stringify({ path: file.path, size: file.size })}\n${CONTENT[i]}`).join('');
const LACKING = FILES.map(({ path }) => `${JSON.stringify({ path, status: 404 })}\n`).join('');

export const bundle: Target = {
  name: 'bundle',
  share: 1,
  inputs: [Buffer.from(RIGHT), Buffer.from(LACKING)],
  begin: always(async input => {
    // Cut at every length in turn: a frame may begin in one piece and end in the next.
    const size = 1 + (input.length % 7);
    const items = [];
    try {
      for await (const some of readBundle(new ByteReader(pieces(input, size)), FILES)) items.push(...some);
      assert.equal(items.length, FILES.length, 'an end before the last file');
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
    for (const [i, item] of items.entries()) {
      assert.equal(item.path, FILES[i]!.path);
      if ('bytes' in item) assert.equal(item.bytes.length, FILES[i]!.size);
      else assert.ok(item.status >= 400 && item.status < 600);
    }
  }),
};

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
