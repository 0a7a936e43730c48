/** What waits for a person: held deletions, stale replicas; and conflicts that one may want to look into. */
import { h } from './dom.js';
import { ago, bytes, clock, count, counted, visible } from './words.js';

/** @typedef {import('./live.js').Moment} Moment */
/** @typedef {import('../actions.ts').TrashedItem} TrashedItem */

/** @param {Moment} moment @returns {Node[]} */
export function decisionsList({ status, now }) {
  const asked = status.domains.flatMap(({ domain, held, stale }) => [
    ...(held ? [heldBlock(domain, held, now)] : []),
    ...(stale ? [staleBlock(domain, stale, now)] : []),
  ]);
  return asked.length > 0 ? asked : [h('p', { class: 'none' }, 'None.')];
}

/** @param {string} domain @param {import('../status.ts').HeldStatus} held @param {number} now */
function heldBlock(domain, { deletions, reason, since, paths }, now) {
  return h(
    'div',
    { 'data-key': `held ${domain}`, class: 'decision' },
    h(
      'p',
      null,
      h('b', null, `${domain}: ${counted(deletions, 'deletion')} held`),
      `, missing here since ${clock(since, now)} (${ago(since, now)}): ${reason}.`,
    ),
    h(
      'p',
      { class: 'buttons' },
      choice('release', 'Release: delete them everywhere', domain, deletions),
      ' ',
      choice('undo', 'Undo: bring them back', domain, deletions),
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
  );
}

/** @param {string} domain @param {import('../status.ts').StaleStatus} stale @param {number} now */
function staleBlock(domain, { peers, since, unknown }, now) {
  return h(
    'div',
    { 'data-key': `stale ${domain}`, class: 'decision' },
    h(
      'p',
      null,
      h('b', null, `${domain}: ${counted(unknown, 'path')} of a stale replica`),
      ` live here, and ${peers.join(', ')} ${peers.length === 1 ? 'has' : 'have'} no trace of them: made here meanwhile, or deleted elsewhere and forgotten`,
      since !== undefined && `. Last in touch ${clock(since, now)} (${ago(since, now)})`,
      '.',
    ),
    h(
      'p',
      { class: 'buttons' },
      choice('accept-remote', 'The others are right: to the trash', domain, unknown),
      ' ',
      choice('accept-local', 'This server is right: to everybody', domain, unknown),
    ),
  );
}

/** @param {string} action @param {string} label @param {string} domain @param {number} count of what is decided about */
function choice(action, label, domain, count) {
  return h('button', { type: 'button', 'data-do': action, 'data-domain': domain, 'data-count': count }, label);
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
