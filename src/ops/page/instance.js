/** The instance itself: what it runs with, and how far back it knows of each other. */
import { h } from './dom.js';
import { originsOf } from './verdict.js';
import { ago, clock, visible } from './words.js';

/** @param {import('./live.js').Moment} moment @returns {Node[]} */
export function instanceList(moment) {
  const { status, now } = moment;
  const { roleid, name, site, server, version, state, reason, startedAt, config, watch, certificates } =
    status.instance;
  /** @type {[string, string][]} */
  const facts = [
    ['Server', `${server || '?'}, site ${site || '?'}`],
    ['Role', `${name || '?'}, roleid ${roleid}`],
    ['State', reason === undefined ? state : `${state}: ${reason}`],
    ['Version', version],
    ['Started', `${clock(startedAt, now)} (${ago(startedAt, now)})`],
    ['Description', `taken ${clock(config.loadedAt, now)} (${ago(config.loadedAt, now)})`],
    ['Events', watch.degraded === undefined ? watch.kind : `${watch.kind}: ${watch.degraded}`],
    ...config.warnings.map(warning => /** @type {[string, string]} */ (['Warning', warning])),
    ...certificates.map(
      ({ file, expiresAt }) =>
        /** @type {[string, string]} */ (['Certificate', `${file}, until ${clock(expiresAt, now)}`]),
    ),
    ['Not mapped', status.unmapped.length === 0 ? 'nothing' : status.unmapped.map(visible).join(', ')],
  ];
  return [
    h(
      'dl',
      null,
      facts.flatMap(([term, text]) => [h('dt', null, term), h('dd', null, text)]),
    ),
    h(
      'details',
      { 'data-key': 'heard' },
      h('summary', null, 'Up to when everything of each server is here'),
      h(
        'ul',
        { class: 'paths' },
        status.domains.flatMap(domain =>
          originsOf(moment, domain).map(each =>
            h(
              'li',
              { 'data-key': `${domain.domain} ${each.roleid}` },
              `${domain.domain}, ${each.server} of ${each.site}: ${each.at === undefined ? 'never heard of' : ago(each.at, now)}`,
            ),
          ),
        ),
      ),
    ),
  ];
}
