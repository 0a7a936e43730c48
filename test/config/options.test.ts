import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_OPTIONS } from '../../src/config/options.ts';
import type { Options } from '../../src/core/topology.ts';
import { oneSite, parse, problemPaths, role, server, valid, warningPaths } from './networks.ts';

const EXT = 'sites[0].servers[0].roles[0].ext';
const withOptions = (options: unknown, ext?: unknown) =>
  parse({ ...oneSite(server(1, { roles: [role(1, { ext })] })), options });

describe('options', () => {
  const accepted: [given: object, expected: Partial<Options>][] = [
    [{}, {}],
    [{ digestInterval: '10s' }, { digestIntervalMs: 10_000 }],
    [{ digestInterval: 250 }, { digestIntervalMs: 250 }],
    [{ scanInterval: '1h' }, { scanIntervalMs: 3_600_000 }],
    [{ scanInterval: '1.5h' }, { scanIntervalMs: 5_400_000 }],
    [{ scanInterval: '7d' }, { scanIntervalMs: 604_800_000 }],
    [{ settle: '500ms' }, { settleMs: 500 }],
    [{ settle: '2 m' }, { settleMs: 120_000 }],
    [{ minFree: '5%' }, { minFreeRatio: 0.05 }],
    [{ minFree: 0.2 }, { minFreeRatio: 0.2 }],
    [{ minFree: 0 }, { minFreeRatio: 0 }],
    [{ trashDays: 7 }, { trashDays: 7 }],
    [{ trashBytes: '25%' }, { trashBytes: { ratio: 0.25 } }],
    [{ trashBytes: '1.5GB' }, { trashBytes: { bytes: 1_500_000_000 } }],
    [{ trashBytes: '2 MiB' }, { trashBytes: { bytes: 2_097_152 } }],
    [{ trashBytes: 1000 }, { trashBytes: { bytes: 1000 } }],
    [
      { fsync: 'off', watch: 'polling' },
      { fsync: 'off', watch: 'polling' },
    ],
    [{ ignore: ['*.tmp', '/cache/'] }, { ignore: ['*.tmp', '/cache/'] }],
    [{ retention: '90d' }, { retentionMs: 90 * 86_400_000 }],
    [{ retention: '10s' }, { retentionMs: 10_000 }],
    [{ settle: null, fsync: null }, {}],
  ];
  for (const [given, expected] of accepted)
    it(`accepts ${JSON.stringify(given)}`, () =>
      assert.deepEqual(valid(withOptions(given)).instances[0]?.options, { ...DEFAULT_OPTIONS, ...expected }));

  const refused: [given: object, path: string][] = [
    [{ digestInterval: '10' }, 'digestInterval'],
    [{ digestInterval: 'soon' }, 'digestInterval'],
    [{ digestInterval: true }, 'digestInterval'],
    [{ digestInterval: 99 }, 'digestInterval'],
    [{ digestInterval: '2h' }, 'digestInterval'],
    [{ scanInterval: '8d' }, 'scanInterval'],
    [{ scanInterval: '-1h' }, 'scanInterval'],
    [{ settle: 0 }, 'settle'],
    [{ minFree: 5 }, 'minFree'],
    [{ minFree: '95%' }, 'minFree'],
    [{ trashDays: 1.5 }, 'trashDays'],
    [{ trashDays: 100_000 }, 'trashDays'],
    [{ trashBytes: '120%' }, 'trashBytes'],
    [{ trashBytes: '5 apples' }, 'trashBytes'],
    [{ trashBytes: -1 }, 'trashBytes'],
    [{ retention: '9s' }, 'retention'],
    [{ retention: '20y' }, 'retention'],
    [{ retention: '5000d' }, 'retention'],
    [{ fsync: 'always' }, 'fsync'],
    [{ watch: 'on' }, 'watch'],
    [{ ignore: '*.tmp' }, 'ignore'],
    [{ ignore: ['a', ''] }, 'ignore[1]'],
    [{ ignore: ['a\nb'] }, 'ignore[0]'],
  ];
  for (const [given, path] of refused)
    it(`refuses ${JSON.stringify(given)}`, () =>
      assert.deepEqual(problemPaths(withOptions(given)), [`options.${path}`]));

  it('says what is wrong and what would be right', () => {
    const parsed = withOptions({ digestInterval: '2h', minFree: 5, fsync: 'always' });
    assert.ok('problems' in parsed);
    assert.deepEqual(parsed.problems, [
      { path: 'options.digestInterval', message: 'must be between 100ms and 1h' },
      { path: 'options.fsync', message: 'expected one of batch, file, off, found "always"' },
      { path: 'options.minFree', message: 'must be between 0% and 90%; write "5%" or 0.05' },
    ]);
  });

  it('warns of an unknown one', () => assert.deepEqual(warningPaths(withOptions({ setle: '1s' })), ['options.setle']));

  it('may be overridden by an instance, by an object or a list', () => {
    const network = { settle: '1s', fsync: 'file' };
    const expected = { ...DEFAULT_OPTIONS, settleMs: 2000, fsync: 'file' };
    for (const ext of [{ settle: '2s' }, [{ settle: '2s' }], [{ settle: '3s' }, { settle: '2s' }]])
      assert.deepEqual(valid(withOptions(network, ext)).instances[0]?.options, expected);
    assert.equal(valid(withOptions(network, [])).instances[0]?.options.settleMs, 1000);
  });

  it('are checked in an instance too, at its path', () => {
    assert.deepEqual(problemPaths(withOptions({}, { settle: 'x' })), [`${EXT}.settle`]);
    assert.deepEqual(problemPaths(withOptions({}, [{}, { settle: 'x' }, 7])), [`${EXT}[1].settle`, `${EXT}[2]`]);
  });

  it('cannot ignore on one instance only', () =>
    assert.deepEqual(problemPaths(withOptions({}, { ignore: [] })), [`${EXT}.ignore`]));
});
