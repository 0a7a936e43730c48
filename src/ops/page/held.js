/** Deletions that wait for a person, and conflicts that one may want to look into. */
import { h } from './dom.js';
import { ago, bytes, clock, count, counted, visible } from './words.js';

/** @typedef {import('./live.js').Moment} Moment */
/** @typedef {import('../actions.ts').TrashedItem} TrashedItem */

/** @param {Moment} moment @returns {Node[]} */
export function heldList({ status, now }) {
  const held = status.domains.flatMap(({ domain, held }) => (held ? [{ domain, ...held }] : []));
  if (held.length === 0) return [h('p', { class: 'none' }, 'None.')];
  return held.map(({ domain, deletions, reason, since, paths }) =>
    h(
      'div',
      { 'data-key': domain, class: 'held' },
      h(
        'p',
        null,
        h('b', null, `${domain}: ${counted(deletions, 'deletion')}`),
        ` missing here since ${clock(since, now)} (${ago(since, now)}): ${reason}.`,
      ),
      h(
        'p',
        { class: 'buttons' },
        h(
          'button',
          { type: 'button', 'data-do': 'release', 'data-domain': domain, 'data-count': deletions },
          'Release: delete them everywhere',
        ),
        ' ',
        h(
          'button',
          { type: 'button', 'data-do': 'undo', 'data-domain': domain, 'data-count': deletions },
          'Undo: bring them back',
        ),
      ),
      h(
        'details',
        null,
        h('summary', null, paths.length < deletions ? `The first ${count(paths.length)} paths` : 'The paths'),
        h(
          'ul',
          { class: 'paths' },
          paths
            .map(each => each.path)
            .sort()
            .map(path => h('li', { 'data-key': path }, visible(path))),
        ),
      ),
    ),
  );
}

/**
 * How many there were, and on demand what lost: it is in the trash.
 *
 * @param {Moment} moment
 * @param {ReadonlyMap<string, readonly TrashedItem[] | string>} trash what was found there, or why nothing was, by domain
 * @returns {Node[]}
 */
export function conflictsList({ status, now }, trash) {
  return status.domains.map(({ domain, conflicts }) => {
    const found = trash.get(domain);
    return h(
      'details',
      { 'data-key': domain, 'data-trash': domain },
      h(
        'summary',
        null,
        h('b', null, domain),
        `: ${conflicts === 0 ? 'none' : count(conflicts)} since the start; what lost is in the trash`,
      ),
      found === undefined
        ? h('p', { class: 'none' }, 'Looking into the trash …')
        : typeof found === 'string'
          ? h('p', { class: 'error' }, found)
          : found.length === 0
            ? h('p', { class: 'none' }, 'The trash of this server holds no loser of a conflict.')
            : h(
                'ul',
                { class: 'paths' },
                found.map(({ path, at, size, version }) =>
                  h(
                    'li',
                    { 'data-key': `${path} ${version}` },
                    visible(path),
                    h('span', { class: 'dim' }, ` ${bytes(size)}, lost ${clock(at, now)}`),
                  ),
                ),
              ),
    );
  });
}
