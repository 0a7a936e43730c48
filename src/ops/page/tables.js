/** Domains, links, paths that are not in order and changes, as tables that become lists where there is no room. */
import { h } from './dom.js';
import { NEXT } from './verdict.js';
import { ago, bytes, clock, count, duration, SIGNS, visible } from './words.js';

/** Rows that are shown: more is nothing that anybody reads, and the path search finds all. */
const MAX_ROWS = 100;

/** @typedef {import('./live.js').Moment} Moment */
/** @typedef {import('./words.js').Level} Level */
/** @typedef {{ label: string, number?: boolean, class?: string }} Column */

/** @type {Record<string, Level>} */
const LEVELS = {
  'in-sync': 'ok',
  syncing: 'busy',
  scanning: 'busy',
  starting: 'busy',
  paused: 'warn',
  halted: 'bad',
  unserved: 'idle',
  live: 'ok',
  connecting: 'busy',
  standby: 'idle',
};

/** @param {string} state @param {Level} [level] */
export function sign(state, level = LEVELS[state] ?? 'bad') {
  return h(
    'span',
    { class: 'told' },
    h('span', { class: 'sign', 'data-level': level, 'aria-hidden': 'true' }, SIGNS[level]),
    ` ${state}`,
  );
}

/**
 * @param {readonly Column[]} columns
 * @param {readonly { key: string, cells: readonly (import('./dom.js').Child | readonly import('./dom.js').Child[])[] }[]} rows
 */
export function table(columns, rows) {
  const kind = (/** @type {Column} */ { number, class: name }) =>
    [number && 'number', name].filter(Boolean).join(' ') || undefined;
  return h(
    'table',
    null,
    h(
      'thead',
      null,
      h(
        'tr',
        null,
        columns.map(column => h('th', { scope: 'col', class: kind(column) }, column.label)),
      ),
    ),
    h(
      'tbody',
      null,
      rows.slice(0, MAX_ROWS).map(({ key, cells }) =>
        h(
          'tr',
          { 'data-key': key },
          cells.map((cell, i) => {
            const column = /** @type {Column} */ (columns[i]);
            const name = i === 0 ? 'th' : 'td';
            return h(
              name,
              { scope: i === 0 ? 'row' : undefined, 'data-label': column.label, class: kind(column) },
              ...[cell].flat(),
            );
          }),
        ),
      ),
    ),
  );
}

/** A path that can be asked about. @param {string} domain @param {string} path @returns {import('./dom.js').Child[]} */
function pathCell(domain, path) {
  return [
    h('span', { class: 'dim' }, `${domain}/`),
    h(
      'button',
      {
        type: 'button',
        class: 'plain',
        'data-do': 'why',
        'data-domain': domain,
        'data-path': path,
        title: 'Why is it as it is?',
      },
      visible(path),
    ),
  ];
}

/** @param {readonly unknown[]} rows */
function more(rows) {
  return rows.length > MAX_ROWS && h('p', { class: 'hint' }, `and ${count(rows.length - MAX_ROWS)} more`);
}

/** @param {string} text */
function none(text) {
  return [h('p', { class: 'none' }, text)];
}

/** @param {string} action @param {string} label @param {string} domain */
function doing(action, label, domain) {
  return h('button', { type: 'button', class: 'small', 'data-do': action, 'data-domain': domain }, label);
}

/** @param {Moment} moment @returns {Node[]} */
export function domainsTable({ status, now }) {
  const { domains, peers } = status;
  if (domains.length === 0) return none('None is served here at present.');
  const columns = [
    { label: 'Domain' },
    { label: 'State' },
    { label: 'Files', number: true },
    { label: 'Size', number: true },
    { label: 'Wanted', number: true },
    { label: 'Differ', number: true },
    { label: 'Held', number: true },
    { label: 'Last scan', number: true, class: 'age' },
    { label: 'Do', class: 'whole' },
  ];
  const rows = domains.map(each => {
    const differ = Math.max(
      0,
      ...peers.flatMap(peer =>
        peer.domains.filter(({ domain }) => domain === each.domain).map(({ mismatched }) => mismatched),
      ),
    );
    return {
      key: each.domain,
      cells: [
        [
          h('b', null, each.domain),
          each.directory !== each.domain && h('span', { class: 'dim' }, ` ${each.directory}/`),
        ],
        [sign(each.state), each.reason !== undefined && h('span', { class: 'reason' }, each.reason)],
        count(each.files),
        bytes(each.bytes),
        each.wanted > 0 ? `${count(each.wanted)}, ${bytes(each.wantedBytes)}` : '0',
        count(differ),
        count(each.held?.deletions ?? 0),
        each.lastScan ? ago(each.lastScan.endedAt, now) : 'under way',
        [
          doing('rescan', 'Rescan', each.domain),
          each.state === 'paused' ? doing('resume', 'Resume', each.domain) : doing('pause', 'Pause', each.domain),
        ],
      ],
    };
  });
  return [table(columns, rows)];
}

/** @param {Moment} moment @returns {Node[]} */
export function linksTable({ status, network, now }) {
  if (status.peers.length === 0) return none('It pulls from nobody.');
  const servers = new Map(network?.instances.map(({ roleid, server }) => [roleid, server]));
  const columns = [
    { label: 'Server', class: 'whole' },
    { label: 'State' },
    { label: 'Behind', number: true },
    { label: 'Differ', number: true },
    { label: 'Wanted', number: true },
    { label: 'Traffic', number: true, class: 'age' },
    { label: 'Untaken', number: true },
    { label: 'Answered, asked', number: true, class: 'age' },
    { label: 'Its clock', number: true, class: 'age' },
  ];
  const rows = status.peers.map(
    ({ peer, roleid, site, state, reason, address, lastContact, skewMs, askedAt, untaken, traffic, domains }) => ({
      key: peer,
      cells: [
        [h('b', null, servers.get(roleid) ?? peer), ` ${site}`, h('span', { class: 'reason' }, address)],
        [
          sign(state),
          reason !== undefined && state !== 'live' && h('span', { class: 'reason' }, reason),
          ...(state === 'live' ? oddDomains(domains) : []),
        ],
        domains.length === 0 ? '–' : duration(Math.max(...domains.map(each => each.lagSeconds)) * 1000),
        domains.length === 0 ? '–' : count(sum(domains.map(each => each.mismatched))),
        domains.length === 0 ? '–' : count(sum(domains.map(each => each.wanted))),
        traffic ? [rate('in', traffic.received), rate('out', traffic.sent)] : '–',
        untaken === undefined ? '–' : count(untaken),
        [lastContact, askedAt].map(at => h('span', { class: 'line' }, at === undefined ? 'never' : ago(at, now))),
        skewMs === undefined
          ? '–'
          : `${skewMs < 0 ? '−' : '+'}${Math.abs(skewMs) < 1000 ? `${Math.round(Math.abs(skewMs))} ms` : duration(Math.abs(skewMs))}`,
      ],
    }),
  );
  return [table(columns, rows)];
}

/** How fast; how much so far is told where one points at it. @param {string} way @param {import('../status.ts').RateStatus} rate */
function rate(way, { bytes: total, perSecond }) {
  return h('span', { class: 'line', title: `${bytes(total)} since the start` }, `${way} ${bytes(perSecond)}/s`);
}

/** What of a peer's domains is worth a line. @param {readonly import('../status.ts').PeerDomainStatus[]} domains */
function oddDomains(domains) {
  return domains
    .filter(
      ({ state, lagSeconds, mismatched, wanted }) =>
        state !== 'serving' || lagSeconds > 0 || mismatched > 0 || wanted > 0,
    )
    .map(({ domain, state, lagSeconds, mismatched, wanted }) =>
      h(
        'span',
        { class: 'reason' },
        `${domain}: ${state}, ${duration(lagSeconds * 1000)} behind, ${count(mismatched)} differ, ${count(wanted)} wanted`,
      ),
    );
}

/** @param {readonly number[]} numbers */
function sum(numbers) {
  return numbers.reduce((total, each) => total + each, 0);
}

/** @param {Moment} moment @returns {Node[]} */
export function itemsTable({ status, now }) {
  const items = status.domains.flatMap(({ domain, items }) => items.map(item => ({ domain, ...item })));
  if (items.length === 0) return none('None.');
  const columns = [
    { label: 'Path', class: 'path' },
    { label: 'What is wrong' },
    { label: 'Since', number: true, class: 'age' },
    { label: 'Next try', number: true, class: 'age' },
  ];
  const rows = items.map(item => ({
    key: `${item.domain}/${item.path}`,
    cells: [
      pathCell(item.domain, item.path),
      [
        h('b', null, item.class),
        ` ${visible(item.message)}`,
        item.sources.length > 0 && ` (from ${item.sources.join(', ')})`,
        NEXT[item.class] !== undefined && h('span', { class: 'reason' }, `To do: ${NEXT[item.class]}.`),
      ],
      ago(item.since, now),
      item.nextTry === undefined ? '–' : item.nextTry <= now ? 'now' : ago(item.nextTry, now),
    ],
  }));
  return [table(columns, rows), ...[more(items)].filter(node => node !== false)];
}

/** @param {Moment} moment @returns {Node[]} */
export function changesTable({ status, network, now }) {
  const { changes } = status;
  if (changes.length === 0) return none('None since this instance was started.');
  const names = new Map(network?.instances.map(({ name, server }) => [name, server]));
  const columns = [{ label: 'When' }, { label: 'Path', class: 'path' }, { label: 'What' }, { label: 'Made on' }];
  const rows = changes.map(({ domain, path, kind, size, from, at, by, via }) => ({
    key: `${domain}/${path}`,
    cells: [
      at === undefined ? '–' : clock(at, now),
      [...pathCell(domain, path), from !== undefined && h('span', { class: 'reason' }, `was ${visible(from)}`)],
      kind === 'tombstone' ? 'deleted' : kind === 'file' ? bytes(size) : kind,
      [
        by === undefined ? 'found by a scan' : (names.get(by) ?? by),
        h('span', { class: 'dim' }, via === undefined ? ', here' : `, from ${via}`),
      ],
    ],
  }));
  return [table(columns, rows)];
}
