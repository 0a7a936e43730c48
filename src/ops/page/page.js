/** The status page: asks, draws, and does what its reader says. Everything that it shows is drawn anew from one moment. */
import { act } from './act.js';
import { askJson, useToken } from './ask.js';
import { conflictsList, decisionsList } from './decisions.js';
import { h, morph, the } from './dom.js';
import { instanceList } from './instance.js';
import { follow, refresh } from './live.js';
import { mapOf, wiresOf } from './map.js';
import { changesTable, domainsTable, itemsTable, linksTable } from './tables.js';
import { openTokens, withToken } from './token.js';
import { verdictOf } from './verdict.js';
import { askWhy, openWhy } from './why.js';
import { drawWires } from './wires.js';
import { duration, encoded, SIGNS } from './words.js';

/** Colours of the icon, which no style sheet reaches. */
const ICONS = { ok: '#1a7f4b', busy: '#1f6feb', warn: '#b25e00', bad: '#c0262d', idle: '#6b7280', wait: '#6b7280' };

/** @typedef {import('./live.js').Moment} Moment */

/** @type {Moment | undefined} */
let shown;
/** By the clock of this page. */
let shownAt = 0;
/** @type {Map<string, readonly import('../actions.ts').TrashedItem[] | string>} */
const trash = new Map();

/** @param {Moment} moment @param {boolean} isFollowing */
function show(moment, isFollowing) {
  shown = moment;
  shownAt = Date.now();
  const { instance } = moment.status;
  the('who').textContent = instance.server ? `${instance.server}, site ${instance.site}` : `roleid ${instance.roleid}`;
  live(isFollowing ? 'live' : 'live, asked every 2 s', 'ok');
  showVerdict(verdictOf(moment));
  morph(the('map'), mapOf(moment));
  drawWires(wiresOf(moment));
  morph(the('domains'), domainsTable(moment));
  morph(the('links'), linksTable(moment));
  morph(the('decisions'), decisionsList(moment));
  morph(the('items'), itemsTable(moment));
  morph(the('changes'), changesTable(moment));
  morph(the('conflicts'), conflictsList(moment, trash));
  morph(the('instance'), instanceList(moment));
  morph(
    the('why-domain'),
    moment.status.domains.map(({ domain }) => h('option', { value: domain, 'data-key': domain }, domain)),
  );
}

/** @param {ReturnType<typeof verdictOf>} verdict */
function showVerdict({ level, headline, summary, findings }) {
  the('verdict').dataset.level = level;
  said(the('headline'), `${SIGNS[level]} ${headline}`);
  morph(the('findings'), [
    h('p', { class: 'summary' }, summary),
    h(
      'ul',
      null,
      findings.map(({ level, what, why, next, at }) =>
        h(
          'li',
          { 'data-key': what.replace(/\d+/g, '#') },
          h('span', { class: 'sign', 'data-level': level }, SIGNS[level]),
          h(
            'span',
            null,
            at === undefined ? h('b', null, what) : h('a', { href: `#${at}-title` }, what),
            why !== undefined && ` – ${why}`,
            next !== undefined && h('span', { class: 'reason' }, `To do: ${next}.`),
          ),
        ),
      ),
    ),
  ]);
  mark(level, headline);
}

/** What the tab of a browser tells. @param {import('./words.js').Level} level @param {string} headline */
function mark(level, headline) {
  const name = shown?.status.instance.server || 'dfsync';
  document.title = `${SIGNS[level]} ${headline} · ${name}`;
  const image = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="${ICONS[level]}"/><text x="8" y="12.5" font-size="12" font-weight="bold" text-anchor="middle" fill="white">${SIGNS[level]}</text></svg>`;
  const href = `data:image/svg+xml,${encodeURIComponent(image)}`;
  if (the('icon').getAttribute('href') !== href) the('icon').setAttribute('href', href);
}

/** @param {import('./ask.js').AskError} error */
function fail(error) {
  if (error.status === 401) {
    live('locked', 'wait');
    void withToken(
      {
        title: 'A token is needed to look',
        text: error.message,
        hint: 'It is kept in the memory of this page, until that is closed.',
        go: 'Look',
      },
      async token => {
        await askJson('/status', { token });
        useToken(token);
        refresh();
      },
    );
    return;
  }
  const since = shown ? `; what is shown is ${duration(Date.now() - shownAt)} old` : '';
  live(`no answer${since}`, 'bad');
  the('verdict').dataset.level = 'bad';
  said(the('headline'), `${SIGNS.bad} No answer from this instance`);
  morph(the('findings'), [h('p', { class: 'summary' }, `${error.message}${since}`), h('ul', null)]);
  mark('bad', 'No answer');
}

/** @param {string} text @param {import('./words.js').Level} level */
function live(text, level) {
  the('live').dataset.level = level;
  said(the('live'), `${SIGNS[level]} ${text}`);
}

/** The same again is no news to a screen reader. @param {HTMLElement} element @param {string} text */
function said(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {string} domain */
async function lookIntoTrash(domain) {
  try {
    const { value } = await askJson(`/domains/${encoded(domain)}/trash`);
    trash.set(domain, value.items.filter((/** @type {{ conflict: boolean }} */ item) => item.conflict).slice(0, 100));
  } catch (error) {
    trash.set(domain, error instanceof Error ? error.message : String(error));
  }
  refresh();
}

document.addEventListener('click', ({ target }) => {
  const button = target instanceof Element ? target.closest('[data-do]') : undefined;
  if (!(button instanceof HTMLElement)) return;
  if (button.dataset.do === 'why') askWhy(button.dataset.domain ?? '', button.dataset.path ?? '');
  else act(button, refresh);
});
document.addEventListener(
  'toggle',
  ({ target }) => {
    if (target instanceof HTMLDetailsElement && target.open && target.dataset.trash)
      void lookIntoTrash(target.dataset.trash);
  },
  true,
);
new ResizeObserver(() => shown && drawWires(wiresOf(shown))).observe(the('map'));
openTokens();
openWhy();
void follow(show, fail);
