/** The network as this instance knows it: sites, their servers, and who pulls from whom. */
import { h, svg } from './dom.js';
import { originsOf } from './verdict.js';
import { ago, duration, SIGNS } from './words.js';

/** A peer that pulls asks again within ten seconds; three times that is no delay. */
const PULLS_MS = 30_000;
/** Of larger sites only the links of this server are drawn. */
const MAX_DRAWN = 6;

/** @typedef {import('./live.js').Moment} Moment */
/** @typedef {import('../../core/topology.ts').Instance} Instance */
/** @typedef {import('../status.ts').PeerStatus} PeerStatus */

/** A link that is drawn. @typedef {{ a: number, b: number, state: string, label?: string, toA: boolean, toB: boolean, crosses: boolean }} Drawn */

/**
 * @param {Moment} moment
 * @returns {Node[]}
 */
export function mapOf(moment) {
  const { network, status } = moment;
  if (!network) return [h('p', null, 'The network description is not known yet.')];
  const sites = network.sites.map(site =>
    siteCard(
      site,
      network.instances.filter(each => each.site === site),
      moment,
    ),
  );
  return [
    svg('svg', { class: 'wires', 'aria-hidden': 'true' }),
    ...sites,
    h(
      'p',
      { class: 'hint legend' },
      status.peers.length > 0 &&
        'Arrows: the way of changes, with how far behind. Solid: followed now. Dashed: standing by or being connected. Dotted, ✕: failing. Thin: between others, who alone know its state.',
    ),
  ];
}

/** @param {string} site @param {readonly Instance[]} instances @param {Moment} moment */
function siteCard(site, instances, moment) {
  const domains = moment.network?.domains.filter(each => each.sites.includes(site)).map(({ name }) => name) ?? [];
  return h(
    'article',
    { class: 'site', 'data-key': site },
    h('h3', null, site),
    h('p', { class: 'hint' }, domains.join(', ')),
    h(
      'ul',
      null,
      instances.map(instance => serverRow(instance, moment)),
    ),
  );
}

/** @param {Instance} instance @param {Moment} moment */
function serverRow({ roleid, name, server, gateway, enabled }, moment) {
  const self = moment.status.instance;
  const peer = moment.status.peers.find(each => each.roleid === roleid);
  const { level, text } = !enabled
    ? { level: /** @type {import('./words.js').Level} */ ('idle'), text: 'disabled' }
    : roleid === self.roleid
      ? { level: selfLevel(self.state), text: `this server, ${self.state}` }
      : peer
        ? ofPeer(peer, moment.now)
        : ofOther(roleid, moment);
  return h(
    'li',
    { 'data-key': String(roleid), 'data-roleid': roleid, class: roleid === self.roleid ? 'self' : undefined },
    h('span', { class: 'sign', 'data-level': level }, SIGNS[level]),
    h(
      'span',
      { class: 'server' },
      h('b', null, server),
      ' ',
      h('span', { class: 'dim' }, name),
      gateway && h('span', { class: 'tag' }, 'gateway'),
    ),
    h('span', { class: 'state' }, text),
  );
}

/** @param {string} state @returns {import('./words.js').Level} */
function selfLevel(state) {
  return state === 'running' ? 'ok' : 'warn';
}

/** @param {PeerStatus} peer @param {number} now @returns {{ level: import('./words.js').Level, text: string }} */
function ofPeer({ state, domains, askedAt, lastContact }, now) {
  const back = askedAt !== undefined && now - askedAt < PULLS_MS ? '' : '; does not pull from here';
  if (state === 'standby') return { level: 'idle', text: `standby: another gateway of its site is pulled from${back}` };
  if (state === 'connecting') return { level: 'busy', text: `being connected${back}` };
  if (state !== 'live') {
    const since = lastContact === undefined ? 'never answered' : `silent for ${duration(now - lastContact)}`;
    return { level: 'bad', text: `${state}, ${since}${back}` };
  }
  const lag = Math.max(0, ...domains.map(each => each.lagSeconds));
  const mismatched = domains.reduce((sum, each) => sum + each.mismatched, 0);
  if (lag > 0 || mismatched > 0)
    return { level: 'busy', text: `pulled from, ${duration(lag * 1000)} behind, ${mismatched} differ${back}` };
  return { level: back ? 'warn' : 'ok', text: `pulled from, not behind${back}` };
}

/** What is known through others. @param {number} roleid @param {Moment} moment @returns {{ level: import('./words.js').Level, text: string }} */
function ofOther(roleid, moment) {
  const heard = moment.status.domains.flatMap(domain =>
    originsOf(moment, domain).filter(each => each.roleid === roleid),
  );
  if (heard.length === 0) return { level: 'idle', text: 'shares no domain with this server' };
  const at = Math.min(...heard.map(each => each.at ?? 0));
  if (at === 0) return { level: 'wait', text: 'not heard of yet' };
  return {
    level: moment.now - at > PULLS_MS * 2 ? 'warn' : 'ok',
    text: `through others: as it was ${ago(at, moment.now)}`,
  };
}

/**
 * Who pulls from whom, both ways at once.
 *
 * @param {Moment} moment
 * @returns {Drawn[]}
 */
export function wiresOf({ network, status, now }) {
  if (!network) return [];
  const own = status.instance.roleid;
  const enabled = network.instances.filter(each => each.enabled);
  const sizes = new Map(network.sites.map(site => [site, enabled.filter(each => each.site === site).length]));
  /** @type {Drawn[]} */
  const drawn = [];
  for (const [i, a] of enabled.entries())
    for (const b of enabled.slice(i + 1)) {
      const crosses = a.site !== b.site;
      const isOwn = a.roleid === own || b.roleid === own;
      if (
        crosses &&
        !(
          a.gateway &&
          b.gateway &&
          network.domains.some(each => each.sites.includes(a.site) && each.sites.includes(b.site))
        )
      )
        continue;
      if (!crosses && !isOwn && (sizes.get(a.site) ?? 0) > MAX_DRAWN) continue;
      const peer = isOwn ? status.peers.find(each => each.roleid === (a.roleid === own ? b : a).roleid) : undefined;
      drawn.push({ a: a.roleid, b: b.roleid, crosses, ...wireState(peer, a.roleid === own, now) });
    }
  return drawn;
}

/** @param {PeerStatus | undefined} peer @param {boolean} isA whether this server is the first end @param {number} now */
function wireState(peer, isA, now) {
  if (!peer) return { state: 'other', toA: false, toB: false };
  const comes = peer.state === 'live';
  const goes = peer.askedAt !== undefined && now - peer.askedAt < PULLS_MS;
  const lag = Math.max(0, ...peer.domains.map(each => each.lagSeconds));
  const state = comes ? 'live' : peer.state === 'standby' || peer.state === 'connecting' ? 'waiting' : 'failing';
  const label = comes ? duration(lag * 1000) : state === 'failing' ? '✕' : '…';
  return { state, label, toA: isA ? comes : goes, toB: isA ? goes : comes };
}
