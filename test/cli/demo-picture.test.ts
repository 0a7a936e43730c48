import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Look, NOTHING, type Picture, pictureOf, type Row } from '../../src/cli/demo-picture.ts';
import { answerOf, type Has, silence, withoutDomains } from './demo-looks.ts';

/** The picture after rounds that are half a second apart. */
const after = (...rounds: Look[][]): Picture =>
  rounds.reduce((picture, looks, i) => pictureOf(picture, looks, i * 500), NOTHING);
const rowsAfter = (...rounds: Look[][]) => after(...rounds).rows;
const progressOf = (name: string, rows: readonly Row[]) => rows.find(row => row.instance === name)!.progress;

const full: Has = { directory: 'common', state: 'in-sync', files: 200, bytes: 0 };
const part = (files: number, more: Partial<Has> = {}): Has => ({ ...full, state: 'syncing', files, ...more });

describe('a picture of the network', () => {
  it('has a row for each instance and domain, with the worst of all peers', () => {
    const [row, ...others] = rowsAfter([
      answerOf('n1', { ...full, lagSeconds: 2.6, mismatched: 4 }, { ...full, directory: 'acme' }),
    ]);
    const { instance, directory, state, files, bytes, lagSeconds, mismatched, rate } = row!;
    assert.deepEqual(
      { instance, directory, state, files, bytes, lagSeconds, mismatched, rate },
      {
        instance: 'n1',
        directory: 'common',
        state: 'in-sync',
        files: 200,
        bytes: 0,
        lagSeconds: 3,
        mismatched: 4,
        rate: 0,
      },
    );
    assert.deepEqual(
      others.map(other => other.directory),
      ['acme'],
    );
  });

  const states: [name: string, rounds: Look[][], state: string, files: number][] = [
    ['is starting before its first answer', [[silence('n1')]], 'starting', 0],
    ['does not answer any more', [[answerOf('n1', full)], [silence('n1')]], 'no answer', 200],
    ['answers again', [[answerOf('n1', full)], [silence('n1')], [answerOf('n1', full)]], 'in-sync', 200],
    ['waits for its volume', [[withoutDomains('n1', 'waiting-for-lock')]], 'waiting-for-lock', 0],
    ['does not even wait any more', [[withoutDomains('n1', 'waiting-for-lock')], [silence('n1')]], 'no answer', 0],
  ];
  for (const [name, rounds, state, files] of states)
    it(`an instance ${name}`, () => {
      const rows = rowsAfter(...rounds);
      assert.deepEqual(
        rows.map(row => [row.state, row.files]),
        [[state, files]],
      );
    });

  it('tells how fast files come, also when one answer failed', () => {
    const got = (received: number) => answerOf('n2', part(0, { received }));
    const rows = rowsAfter([got(0)], [{ ...got(500), received: undefined }], [got(1000)]);
    assert.equal(rows[0]!.rate, 1000);
  });

  const progresses: [name: string, rounds: Look[][], progress: Row['progress']][] = [
    [
      'is unknown while somebody has not answered',
      [[answerOf('n1', full), answerOf('n2', part(0)), silence('s1')]],
      {},
    ],
    [
      'is unknown while somebody is scanning',
      [[answerOf('n1', { ...full, state: 'scanning', files: 0 }), answerOf('n2', part(0))]],
      {},
    ],
    [
      'is told by who has most',
      [[answerOf('n1', full), answerOf('n2', part(86)), answerOf('s1', part(1))]],
      { share: 0.43 },
    ],
    [
      'counts what is here and what is wanted',
      [[answerOf('n1', full), answerOf('n2', part(200, { wanted: 200, wantedBytes: 0 }))]],
      { share: 0.5 },
    ],
    [
      'goes on from what was known of somebody who does not answer any more',
      [
        [answerOf('n1', full), answerOf('n2', part(0))],
        [silence('n1'), answerOf('n2', part(50))],
      ],
      { share: 0.25 },
    ],
    ['is not shown where all is there', [[answerOf('n1', full), answerOf('n2', part(200))]], undefined],
    [
      'is not shown of what is halted',
      [[answerOf('n1', full), answerOf('n2', part(10, { state: 'halted' }))]],
      undefined,
    ],
    [
      'is not shown again for a few files',
      [
        [answerOf('n1', full), answerOf('n2', full)],
        [answerOf('n1', full), answerOf('n2', part(195, { wanted: 5 }))],
      ],
      undefined,
    ],
    [
      'is shown again for many',
      [
        [answerOf('n1', full), answerOf('n2', full)],
        [answerOf('n1', { ...full, files: 400 }), answerOf('n2', part(200, { wanted: 200, wantedBytes: 0 }))],
      ],
      { share: 0.5 },
    ],
    [
      'begins after a moment in which nobody had anything',
      [
        [answerOf('n1', { ...full, state: 'scanning', files: 0 }), answerOf('n2', { ...full, files: 0 })],
        [answerOf('n1', full), answerOf('n2', part(0))],
      ],
      { share: 0 },
    ],
  ];
  for (const [name, rounds, progress] of progresses)
    it(`the progress of a first pull ${name}`, () =>
      assert.deepEqual(progressOf('n2', rowsAfter(...rounds)), progress));
});
