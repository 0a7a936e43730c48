/** What a person can have an instance do, each time with an admin token. */
import { askJson } from './ask.js';
import { the } from './dom.js';
import { withToken } from './token.js';
import { counted, encoded } from './words.js';

/** @typedef {{ verb: string, text: string, go: string, done: string, path: (domain: string) => string, body: (domain: string) => object }} Act */

/** @type {Record<string, Act>} */
const ACTS = {
  release: {
    verb: 'Release',
    text: 'The files are deleted on all servers, where they go to the trash.',
    go: 'Delete them everywhere',
    done: 'Released',
    path: domain => `/domains/${encoded(domain)}/release`,
    body: () => ({}),
  },
  undo: {
    verb: 'Undo',
    text: 'The other servers bring the files back to this one.',
    go: 'Bring them back',
    done: 'Undone',
    path: domain => `/domains/${encoded(domain)}/undo`,
    body: () => ({ held: true }),
  },
  rescan: {
    verb: 'Rescan',
    text: 'Everything of it on the disk of this server is looked at again.',
    go: 'Rescan',
    done: 'Being scanned',
    path: () => '/rescan',
    body: domain => ({ domain }),
  },
  pause: {
    verb: 'Pause',
    text: 'This server pulls nothing of it until it is resumed, or dfsync restarts. Others go on, and pull from here.',
    go: 'Pause',
    done: 'Paused',
    path: () => '/pause',
    body: domain => ({ domain }),
  },
  resume: {
    verb: 'Resume',
    text: 'This server pulls what it lacks of it.',
    go: 'Resume',
    done: 'Resumed',
    path: () => '/resume',
    body: domain => ({ domain }),
  },
};

/**
 * Does what a button is for, once its reader has given a token.
 *
 * @param {HTMLElement} button
 * @param {() => void} done
 */
export function act({ dataset }, done) {
  const { domain = '', do: name = '', count } = dataset;
  const what = ACTS[name];
  if (!what) return;
  const whom = count === undefined ? domain : `${counted(Number(count), 'deletion')} of ${domain}`;
  const hint = 'This takes an admin token, which is sent once and not kept.';
  void withToken({ title: `${what.verb} ${whom}?`, text: what.text, hint, go: what.go }, async token => {
    await askJson(what.path(domain), { method: 'POST', token, body: what.body(domain) });
    the('done').textContent = `${what.done}: ${whom}.`;
    done();
  });
}
