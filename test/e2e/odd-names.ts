/** A tree of everything that a file system allows and programs forget. */
import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';

/** NAME_MAX of Linux, in bytes. */
const LONGEST_NAME = 255;
/** Levels of the deep path; with names of 20 bytes well past the 1,024 of some programs and below the 4,096 of Linux. */
const DEPTH = 60;

const OLD = new Date('2001-02-03T04:05:06.789Z');

/** Names of files, as bytes; each gets its own name as content. */
export const ODD_NAMES: readonly Buffer[] = [
  ...[
    ' leading and trailing ',
    'new\nline',
    'tab\there',
    `"double" and 'single'`,
    '100%',
    '%2e%2e',
    '%00',
    'back\\slash',
    '-rf',
    '~backup~',
  ],
  ...[
    '#hash?query=1&x',
    '*',
    '$(reboot)',
    ';',
    '.hidden',
    '..two',
    '...',
    'CON',
    'a:b|c<d>',
    'Ünïcödé',
    'файл',
    '日本語',
    '🦊🚀',
    '\u{1F468}\u200D\u{1F469}',
  ],
  // The same letter composed and decomposed: two names.
  ...['caf\u00e9', 'cafe\u0301', 'right\u202eleft', '\ufeffbom', '\ufffd', '__proto__', 'constructor'],
  ...['x'.repeat(LONGEST_NAME), 'é'.repeat(Math.floor(LONGEST_NAME / 2))],
].map(name => Buffer.from(name));

/** Names that are no UTF-8: lone bytes, a cut sequence, an overlong one, an encoded surrogate. */
export const NOT_UTF8: readonly Buffer[] = [
  Buffer.from([0xff, 0xfe]),
  Buffer.from('latin1 caf\xe9', 'latin1'),
  Buffer.from([0x61, 0xe2, 0x82]),
  Buffer.from([0xc0, 0xaf]),
  Buffer.from([0xed, 0xa0, 0x80]),
];

/** A path deeper than most. */
export const DEEP_PATH = Array.from({ length: DEPTH }, (_, level) => `level-${String(level).padStart(14, '0')}`).join(
  '/',
);

/** Makes the tree below a directory. */
export function makeOddTree(root: string): void {
  for (const name of [...ODD_NAMES, ...NOT_UTF8]) put(Buffer.concat([Buffer.from(`${root}/names/`), name]), name);
  mkdirSync(Buffer.concat([Buffer.from(`${root}/directories/`), NOT_UTF8[0]!]), { recursive: true });
  put(Buffer.concat([Buffer.from(`${root}/directories/`), NOT_UTF8[0]!, Buffer.from('/inside')]), 'inside');
  mkdirSync(`${root}/empty/directory in/directory`, { recursive: true });
  put(Buffer.from(`${root}/empty/file`), '');
  put(Buffer.from(`${root}/${DEEP_PATH}/at the bottom`), 'deep');
  makeModesAndDates(root);
  makeSymlinks(root);
}

function makeModesAndDates(root: string): void {
  for (const mode of [0o400, 0o600, 0o640, 0o664, 0o755, 0o777]) {
    const path = `${root}/modes/${mode.toString(8)}`;
    put(Buffer.from(path), 'mode');
    chmodSync(path, mode);
  }
  mkdirSync(`${root}/modes/directory`, { mode: 0o700 });
  const dates = {
    old: OLD,
    epoch: new Date(0),
    before: new Date(-12_345),
    future: new Date('2100-01-01T00:00:00.001Z'),
  };
  for (const [name, date] of Object.entries(dates)) {
    put(Buffer.from(`${root}/dates/${name}`), 'date');
    utimesSync(`${root}/dates/${name}`, date, date);
  }
}

function makeSymlinks(root: string): void {
  mkdirSync(`${root}/links`);
  const targets = {
    relative: '../empty/file',
    absolute: '/etc/hostname',
    dangling: 'nowhere at all',
    loop: 'loop',
    up: '../../..',
    tree: '../names',
  };
  for (const [name, target] of Object.entries(targets)) symlinkSync(target, `${root}/links/${name}`);
  symlinkSync(NOT_UTF8[1]!, `${root}/links/not utf-8`);
}

function put(path: Buffer, content: string | Buffer): void {
  mkdirSync(path.subarray(0, path.lastIndexOf('/')), { recursive: true });
  writeFileSync(path, content);
}
