import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { storyOf, UNTOLD } from '../../src/cli/demo-events.ts';
import { type Look, NOTHING, pictureOf } from '../../src/cli/demo-picture.ts';
import { answerOf, type Has, silence, withoutDomains } from './demo-looks.ts';

const AGREED = 'everybody has the same: common (3 files on 2 servers)';

/** What is told in rounds; in which of them all agree is said. */
const toldIn = (rounds: Look[][], agreed: number[] = []): string[] => {
  let picture = NOTHING;
  let story = UNTOLD;
  for (const [i, looks] of rounds.entries()) {
    picture = pictureOf(picture, looks, i);
    story = storyOf(story, picture, agreed.includes(i) ? AGREED : undefined, i);
  }
  return story.events.map(({ at, text }) => `${at} ${text}`);
};
const has = (more: Partial<Has> = {}) => [answerOf('n1', { directory: 'common', ...more })];
const three = has();
const four = has({ files: 4, digest: '4' });

describe('what happened', () => {
  const cases: [name: string, rounds: Look[][], told: string[], agreed?: number[]][] = [
    ['nothing yet', [[silence('n1')], has({ state: 'scanning', files: 0 })], []],
    ['a domain that is empty', [has({ files: 0 }), has({ files: 0, digest: '1' })], []],
    [
      'a first pull, told at its end',
      [has({ state: 'syncing', files: 1 }), has({ state: 'syncing', files: 2 }), three],
      ['2 n1 common: 3 files, 4.1 kB'],
    ],
    [
      'a first pull after a moment of agreement on nothing',
      [has({ files: 0, digest: '0' }), three],
      ['1 n1 common: 3 files, 4.1 kB'],
    ],
    ['nothing more', [three, three, three], ['0 n1 common: 3 files, 4.1 kB']],
    [
      'a file more',
      [three, has({ state: 'syncing', digest: '5' }), four],
      ['0 n1 common: 3 files, 4.1 kB', '2 n1 common: 4 files (+1), 4.1 kB'],
    ],
    ['a file less', [four, three], ['0 n1 common: 4 files, 4.1 kB', '1 n1 common: 3 files (−1), 4.1 kB']],
    [
      'the last file gone',
      [three, has({ files: 0, digest: '' })],
      ['0 n1 common: 3 files, 4.1 kB', '1 n1 common: 0 files (−3), 4.1 kB'],
    ],
    ['a file changed', [three, has({ digest: '5' })], ['0 n1 common: 3 files, 4.1 kB', '1 n1 common: 3 files, 4.1 kB']],
    [
      'a conflict',
      [three, has({ conflicts: 1 })],
      ['0 n1 common: 3 files, 4.1 kB', '1 n1 common: 1 conflict; what lost is in the trash'],
    ],
    [
      'a domain that halts and goes on',
      [three, has({ state: 'halted', reason: 'unmounted' }), has({ state: 'halted', reason: 'unmounted' }), three],
      ['0 n1 common: 3 files, 4.1 kB', '1 n1 common: halted, unmounted', '3 n1 common: 3 files, 4.1 kB'],
    ],
    [
      'an instance that waits',
      [[withoutDomains('n1', 'waiting-for-lock', 'pid 7 has it')]],
      ['0 n1: waiting-for-lock, pid 7 has it'],
    ],
    [
      'an instance that is silent for a while',
      [three, [silence('n1')], [silence('n1')], three, four],
      [
        '0 n1 common: 3 files, 4.1 kB',
        '1 n1 common: does not answer',
        '3 n1 common: answers again',
        '4 n1 common: 4 files (+1), 4.1 kB',
      ],
    ],
    [
      'agreement, each time that it is reached',
      [three, three, three, three],
      ['0 n1 common: 3 files, 4.1 kB', '0 everybody has the same', '3 everybody has the same'],
      [0, 1, 3],
    ],
  ];
  for (const [name, rounds, told, agreed] of cases) it(name, () => assert.deepEqual(toldIn(rounds, agreed), told));

  it('is not kept for ever', () => {
    const many = Array.from({ length: 100 }, (_, i) => has({ digest: String(i) }));
    const told = toldIn(many);
    assert.ok(told.length < 50);
    assert.match(told.at(-1)!, /^99 /);
  });
});
