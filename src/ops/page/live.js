/**
 * What this instance says of itself, as it changes. Its events are only hints that the status is worth asking for; without them the
 * status is polled.
 */
import { AskError, ask, askJson } from './ask.js';

/** How often the status is asked for without events … */
const POLL_MS = 2_000;
/** … with them, as ages and lags grow without any … */
const EVENTS_POLL_MS = 10_000;
/** … and while nobody looks: the title of the tab still tells. */
const HIDDEN_POLL_MS = 30_000;
/** However many events there are, the status is not asked for more often. */
const PAUSE_MS = 500;
/** A status that takes longer is none. */
const TIMEOUT_MS = 15_000;
/** Until events are asked for again after they ended, or where there are none. */
const EVENTS_AGAIN_MS = 10_000;

/**
 * @typedef {object} Moment
 * @property {import('../status.ts').Status} status
 * @property {import('../../core/topology.ts').Network | undefined} network as the description has it
 * @property {number} now by the clock of the instance
 * @property {ReadonlyMap<string, number>} differingSince when this page first saw that a peer differs in a domain, by {@link linkKey}
 */

let isFollowing = false;
/** There was a hint since the status was asked for. */
let isDue = false;
let wake = () => {};

/** Asks again at once: there was an event, a token was given, or something was done. */
export function refresh() {
  isDue = true;
  wake();
}

/**
 * Tells of each moment, and of each failure, for as long as the page is open.
 *
 * @param {(moment: Moment, isFollowing: boolean) => void} show
 * @param {(error: AskError) => void} fail
 */
export async function follow(show, fail) {
  /** @type {import('../../core/topology.ts').Network | undefined} */
  let network;
  let loadedAt = Number.NaN;
  /** @type {ReadonlyMap<string, number>} */
  let differingSince = new Map();
  document.addEventListener('visibilitychange', refresh);
  void followEvents();
  for (;;) {
    isDue = false;
    try {
      const { value: status, now } = await askJson('/status', { signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (status.instance.config.loadedAt !== loadedAt) {
        network = (await askJson('/config', { signal: AbortSignal.timeout(TIMEOUT_MS) })).value.network;
        loadedAt = status.instance.config.loadedAt;
      }
      differingSince = differing(status, differingSince, now);
      show({ status, network, now, differingSince }, isFollowing);
    } catch (error) {
      if (!(error instanceof AskError)) throw error;
      fail(error);
    }
    await sleep(PAUSE_MS);
    if (!isDue) await news();
  }
}

/** @param {string} peer @param {string} domain */
export function linkKey(peer, domain) {
  return `${peer} ${domain}`;
}

/**
 * @param {Moment['status']} status
 * @param {ReadonlyMap<string, number>} before
 * @param {number} now
 */
function differing({ peers }, before, now) {
  const differ = peers.flatMap(({ peer, domains }) =>
    domains.filter(({ mismatched }) => mismatched > 0).map(({ domain }) => linkKey(peer, domain)),
  );
  return new Map(differ.map(key => [key, before.get(key) ?? now]));
}

/** Resolves at the next hint, or when the next poll is due. */
function news() {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, document.hidden ? HIDDEN_POLL_MS : isFollowing ? EVENTS_POLL_MS : POLL_MS);
    wake = () => {
      clearTimeout(timer);
      resolve(undefined);
    };
  });
}

/** Not by an EventSource: it could not send a token. */
async function followEvents() {
  for (;;) {
    try {
      const answer = await ask('/events');
      if (answer.body && answer.headers.get('Content-Type')?.startsWith('text/event-stream')) await hear(answer.body);
    } catch {
      // Refused, not known here, or broken off: it is polled meanwhile.
    }
    isFollowing = false;
    await sleep(EVENTS_AGAIN_MS);
  }
}

/** @param {ReadableStream<Uint8Array<ArrayBuffer>>} body */
async function hear(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  isFollowing = true;
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split(/\r\n|\n|\r/);
    rest = lines.pop() ?? '';
    if (lines.some(line => line.startsWith('data:'))) refresh();
  }
}

/** @param {number} ms */
function sleep(ms) {
  return new Promise(resolve => setTimeout(resolve, ms));
}
