import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cellsOf, fit, pad, wrap } from '../../src/cli/terminal-text.ts';

describe('text in the cells of a terminal', () => {
  const widths: [name: string, text: string, cells: number][] = [
    ['nothing', '', 0],
    ['letters', 'acme', 4],
    ['wide characters take two', '日本', 4],
    ['combining ones none', 'e\u0301', 1],
    ['an emoji two', '🐘', 2],
    ['bars and the ellipsis one', '█░…', 3],
  ];
  for (const [name, text, cells] of widths) it(`${name}: ${cells}`, () => assert.equal(cellsOf(text), cells));

  const fitted: [name: string, text: string, cells: number, as: string][] = [
    ['that has room is left alone', 'acme', 4, 'acme'],
    ['that has none is cut', 'acme.example', 6, 'acme.…'],
    ['is not cut through a wide character', '日本語', 4, '日…'],
    ['is not cut through a combined one', 'ae\u0301u', 2, 'a…'],
    ['in one cell', 'acme', 1, '…'],
    ['in none', 'acme', 0, ''],
    ['in less than none', 'acme', -3, ''],
  ];
  for (const [name, text, cells, as] of fitted) it(`a text ${name}`, () => assert.equal(fit(text, cells), as));

  it('is padded at either side, by cells', () => {
    assert.equal(pad('日', 4, 'left'), '日  ');
    assert.equal(pad('日', 4, 'right'), '  日');
    assert.equal(pad('日本語', 4, 'right'), ' 日…');
  });

  const wrapped: [name: string, text: string, cells: number, as: string[]][] = [
    ['short', 'a bc', 4, ['a bc']],
    ['at blanks', 'a bc def', 4, ['a bc', 'def']],
    ['within a word that is too long', 'a bcdefg h', 4, ['a', 'bcde', 'fg h']],
    ['wide', '日本 語', 4, ['日本', '語']],
    ['narrower than a character', '日本', 1, ['日', '本']],
    ['empty', '', 4, ['']],
  ];
  for (const [name, text, cells, as] of wrapped) it(`wraps: ${name}`, () => assert.deepEqual(wrap(text, cells), as));
});
