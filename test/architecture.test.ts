/** The house: imports point down, nothing goes in circles, and the core stays pure. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, it } from 'node:test';

const SRC = join(import.meta.dirname, '../src');
const NODE_MAJOR = 26;

const texts = new Map(
  readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => [name, readFileSync(join(SRC, name), 'utf8')]),
);

/** Every module that a file names: imports, re-exports, types and dynamic imports. */
function specifiersOf(text: string): string[] {
  return [...text.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*'([^']+)'/g)].map(match => match[1]!);
}

/** Every module that is loaded with a file: no types, and nothing that it imports when it needs it. */
function loadedWith(text: string): string[] {
  return [...text.matchAll(/^(?:import|export) (?!type\b)(?:[^;'=]*\bfrom )?'([^']+)';/gm)].map(match => match[1]!);
}

/** The files of this project that a file imports. */
function importsOf(file: string): string[] {
  return specifiersOf(texts.get(file)!)
    .filter(specifier => specifier.startsWith('.'))
    .map(specifier => posix.join(posix.dirname(file), specifier));
}

/** The part of the house that a file belongs to; files at the top are rooms of their own. */
const roomOf = (file: string) => (file.includes('/') ? file.slice(0, file.indexOf('/')) : file);

const filesOf = (room: string) => [...texts.keys()].filter(file => roomOf(file) === room);

/** Comments out: words in them are no code. */
const codeOf = (file: string) => texts.get(file)!.replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, '');

/** What each part may import besides itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  core: [],
  config: ['core'],
  folder: ['core'],
  ops: ['core'],
  sync: ['core'],
  peer: ['core', 'sync'],
};

describe('imports', () => {
  it('are found at all', () => {
    assert.ok(importsOf('core/plan.ts').includes('core/entry.ts'));
    assert.ok(specifiersOf(texts.get('folder/cache.ts')!).includes('lowdb'));
  });

  it('lead to files that exist', () => {
    for (const file of texts.keys())
      for (const target of importsOf(file)) assert.ok(texts.has(target), `${file} imports ${target}`);
  });

  for (const [room, below] of Object.entries(MAY_IMPORT))
    it(`of ${room}/ stay in it${below.length > 0 ? `, or go to ${below.join(', ')}` : ''}`, () => {
      const wrong = filesOf(room).flatMap(file =>
        importsOf(file)
          .filter(target => ![room, ...below].includes(roomOf(target)))
          .map(target => `${file} imports ${target}`),
      );
      assert.deepEqual(wrong, []);
    });

  it('never lead up to the shell: nothing but the shell and the commands imports app, main or cli', () => {
    const wrong = Object.keys(MAY_IMPORT)
      .flatMap(filesOf)
      .flatMap(file => importsOf(file).map(target => [file, target]))
      .filter(([, target]) => ['app.ts', 'main.ts', 'cli'].includes(roomOf(target!)));
    assert.deepEqual(wrong, []);
    for (const target of importsOf('app.ts'))
      assert.ok(!['main.ts', 'cli'].includes(roomOf(target)), `app.ts imports ${target}`);
  });

  it('make no circle, those of types counted', () => {
    const state = new Map<string, 'open' | 'done'>();
    const visit = (file: string, way: readonly string[]): void => {
      if (state.get(file) === 'done') return;
      assert.notEqual(state.get(file), 'open', `circle: ${[...way, file].join(' -> ')}`);
      state.set(file, 'open');
      for (const target of importsOf(file)) visit(target, [...way, file]);
      state.set(file, 'done');
    };
    for (const file of texts.keys()) visit(file, []);
  });

  it('of the shell load what a command line is read with, and no command', () => {
    const loaded = new Set(['main.ts']);
    const packages = new Set<string>();
    for (const file of loaded)
      for (const specifier of loadedWith(texts.get(file)!))
        if (specifier.startsWith('.')) loaded.add(posix.join(posix.dirname(file), specifier));
        else if (!specifier.startsWith('node:')) packages.add(specifier);
    assert.ok(loaded.has('cli/operator-commands.ts'));
    assert.deepEqual([...packages], ['commander']);
    assert.ok(!loaded.has('cli/status.ts'));
  });
});

/** Files in which something stands that must not. */
function offenders(files: readonly string[], forbidden: RegExp): string[] {
  return files.flatMap(file => {
    const found = codeOf(file).match(forbidden);
    return found ? [`${file}: ${found[0]}`] : [];
  });
}

describe('the core', () => {
  it('imports nothing but itself', () => {
    for (const file of filesOf('core'))
      for (const specifier of specifiersOf(texts.get(file)!))
        assert.ok(specifier.startsWith('./'), `${file} imports ${specifier}`);
  });

  it('has no clock, no chance, no timers, no environment', () => {
    const impure =
      /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bsetTimeout\b|\bsetInterval\b|\bsetImmediate\b|\bprocess\.|\bfetch\(|\bperformance\.|\bcrypto\./;
    assert.deepEqual(offenders(filesOf('core'), impure), []);
  });
});

describe('every file', () => {
  it('of the engine takes time and chance as arguments', () => {
    const own = /\bDate\.now\b|\bMath\.random\b|\bsetTimeout\(|\bsetInterval\(/;
    // A thread, and the events of the system: the edge itself.
    const edge = ['folder/small-files-worker.ts', 'folder/watch-source.ts'];
    const engine = [...filesOf('sync'), ...filesOf('folder')].filter(file => !edge.includes(file));
    assert.deepEqual(offenders(engine, own), []);
  });

  it('leaves metrics to ops', () => {
    const wrong = [...texts.keys()].filter(
      file => roomOf(file) !== 'ops' && specifiersOf(texts.get(file)!).includes('prom-client'),
    );
    assert.deepEqual(wrong, []);
  });

  it('leaves the console alone', () => assert.deepEqual(offenders([...texts.keys()], /\bconsole\./), []));

  it('begins with what it is', () => {
    assert.deepEqual(
      [...texts].filter(([, text]) => !text.startsWith('/**')).map(([file]) => file),
      [],
    );
  });

  it('is named by a noun or verb of the field', () => {
    const vague = /(^|\/)(utils?|helpers?|types|constants|common|misc|index|shared)\.ts$/;
    assert.deepEqual(
      [...texts.keys()].filter(file => vague.test(file)),
      [],
    );
  });
});

it('tests run on the Node that is pinned, not on one that happens to be installed', () => {
  assert.ok(Number.parseInt(process.versions.node, 10) >= NODE_MAJOR, `this is ${process.version}`);
  const { engines, devDependencies } = JSON.parse(readFileSync(join(SRC, '../package.json'), 'utf8'));
  assert.equal(engines.node, `>=${NODE_MAJOR}`);
  assert.match(devDependencies.node, new RegExp(`^${NODE_MAJOR}\\.`));
});
