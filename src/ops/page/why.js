/** Why a path is as it is: what this instance says, and what each other one has. */
import { askJson } from './ask.js';
import { h, morph, the } from './dom.js';
import { sign, table } from './tables.js';
import { bytes, clock, encoded, visible } from './words.js';

/** @typedef {import('../inspection.ts').Why} Why */
/** @typedef {import('../inspection.ts').Opinion} Opinion */

/** The newest question: an answer to an older one comes too late. */
let asked = 0;

/** Listens to the form; once. */
export function openWhy() {
  the('why-form').addEventListener('submit', (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    void ask(the('why-domain').value, the('why-path').value.replace(/^\/+|\/+$/g, ''));
  });
}

/** Asks for a path that stands elsewhere on the page. @param {string} domain @param {string} path */
export function askWhy(domain, path) {
  the('why-domain').value = domain;
  the('why-path').value = path;
  the('why-title').scrollIntoView({ block: 'nearest' });
  void ask(domain, path);
}

/** @param {string} domain @param {string} path */
async function ask(domain, path) {
  const question = ++asked;
  morph(the('why'), [h('p', { class: 'dim' }, `Asking everybody for ${visible(path)} …`)]);
  const nodes = await askJson(`/why/${encoded(`${domain}/${path}`)}`).then(
    ({ value, now }) => answerOf(value, now),
    error => [h('p', { class: 'error' }, error instanceof Error ? error.message : String(error))],
  );
  if (question === asked) morph(the('why'), nodes);
}

/** @param {Why} why @param {number} now @returns {Node[]} */
function answerOf({ domain, path, says, opinions }, now) {
  const isSame = opinions.every(({ wins, error }) => wins || error !== undefined);
  const columns = [{ label: 'Role' }, { label: 'Has' }, { label: 'Changed' }, { label: 'So' }];
  const rows = opinions.map(opinion => ({
    key: opinion.peer,
    cells: [
      [h('b', null, opinion.peer), opinion.self ? ' (this one)' : h('span', { class: 'dim' }, ` ${opinion.site}`)],
      hasOf(opinion, now),
      opinion.changedAt === undefined
        ? '–'
        : `${clock(opinion.changedAt, now)}, by ${opinion.writer ?? 'nobody known'}`,
      opinion.error !== undefined
        ? sign('no answer', 'bad')
        : opinion.wins
          ? sign(isSame ? 'the same' : 'wins', 'ok')
          : opinion.rule === undefined
            ? '–'
            : `loses: ${opinion.rule}`,
    ],
  }));
  return [
    h('p', null, h('span', { class: 'dim' }, `${domain}/`), h('b', null, visible(path))),
    h(
      'ul',
      { class: 'says' },
      says.map(sentence => h('li', null, visible(sentence))),
    ),
    h('div', { class: 'wide' }, table(columns, rows)),
  ];
}

/** @param {Opinion} opinion @param {number} now */
function hasOf({ entry, error }, now) {
  if (error !== undefined) return visible(error);
  if (!entry) return 'nothing';
  const mode = entry.mode.toString(8).padStart(4, '0');
  switch (entry.kind) {
    case 'file':
      return `file, ${bytes(entry.size)}, of ${clock(entry.mtime, now)}, mode ${mode}`;
    case 'directory':
      return `directory, mode ${mode}`;
    case 'symlink':
      return `symlink to ${visible(entry.target ?? '?')}`;
    default:
      return `deleted ${clock(entry.mtime, now)}`;
  }
}
