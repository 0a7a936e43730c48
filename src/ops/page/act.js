/** What a person can have an instance do, each time with an admin token. */
import { askJson } from './ask.js';
import { the } from './dom.js';
import { withToken } from './token.js';
import { counted, encoded, visible } from './words.js';

/** @typedef {{ verb: string, noun?: string, text: string, go: string, done: string, path: (domain: string) => string, body: (domain: string) => object }} Act */

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
  'accept-remote': {
    verb: 'Trash',
    noun: 'path',
    text: 'What no peer knows goes to the trash of this server, which is in touch with the others again then.',
    go: 'Accept the others',
    done: 'Gone to the trash',
    path: domain => `/domains/${encoded(domain)}/accept-remote`,
    body: () => ({}),
  },
  'accept-local': {
    verb: 'Spread',
    noun: 'path',
    text: 'All that this server has goes out, also what was deleted elsewhere and is forgotten.',
    go: 'Accept this server',
    done: 'On the way to everybody',
    path: domain => `/domains/${encoded(domain)}/accept-local`,
    body: () => ({}),
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
    text: 'This server pulls nothing of it until it is resumed, restarts or not. Others go on, and pull from here.',
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
  const whom = count === undefined ? domain : `${counted(Number(count), what.noun ?? 'deletion')} of ${domain}`;
  const hint = 'This takes an admin token, which is sent once and not kept.';
  void withToken({ title: `${what.verb} ${whom}?`, text: what.text, hint, go: what.go }, async token => {
    const { value } = await askJson(what.path(domain), { method: 'POST', token, body: what.body(domain) });
    const failed = value.failed ?? [];
    the('done').textContent =
      failed.length === 0
        ? `${what.done}: ${whom}.`
        : `${counted(failed.length, 'path')} of ${domain} failed: ${failures(failed)}.`;
    done();
  });
}

/** The first of what failed. @param {readonly { path: string, reason: string }[]} failed */
function failures(failed) {
  return failed
    .slice(0, 3)
    .map(({ path, reason }) => `${visible(path)}: ${visible(reason)}`)
    .join('; ');
}
