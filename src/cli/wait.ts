/** `dfsync wait`: until this instance has everything of its peers, and they everything of it; for scripts, and before a stop. */
import type { Status } from '../ops/status.ts';
import { CallError, call, EXIT_REFUSED } from './call.ts';
import { Progress } from './progress.ts';
import { type CallFlags, type Streams, telling } from './telling.ts';

/** How often it is asked. */
const ASK_MS = 500;

/** What `wait` is told. */
export interface WaitFlags extends CallFlags {
  readonly domain?: string;
  /** Milliseconds. */
  readonly timeout: number;
}

interface Waited {
  readonly inSync: boolean;
  /** What is still awaited. */
  readonly awaited: readonly string[];
}

/** Answers the exit code: 1 where the time is over before. An instance that does not answer yet is waited for. */
export function wait(flags: WaitFlags, streams: Streams, sleep = sleeping): Promise<number> {
  const progress = new Progress(streams.err);
  const end = performance.now() + flags.timeout;
  const run = async (): Promise<Waited> => {
    for (;;) {
      const awaited = await missing(flags);
      if (awaited.length === 0) return { inSync: true, awaited };
      if (performance.now() + ASK_MS > end) return { inSync: false, awaited };
      progress.show(awaited[0]!, 0);
      await sleep(ASK_MS);
    }
  };
  return telling(
    () => run().finally(() => progress.clear()),
    ({ inSync, awaited }) => (inSync ? ['in sync'] : ['not in sync yet:', ...awaited.map(line => `  ${line}`)]),
    flags,
    streams,
    ({ inSync }) => (inSync ? 0 : EXIT_REFUSED),
  );
}

async function missing(flags: WaitFlags): Promise<readonly string[]> {
  try {
    return awaitedOf(await call<Status>(flags, 'GET', '/status'), flags.domain);
  } catch (error) {
    if (error instanceof CallError && error.isUnanswered) return [error.message];
    throw error;
  }
}

/** What is not done yet; empty: everything is everywhere. */
export function awaitedOf({ instance, domains, peers }: Status, domain: string | undefined): string[] {
  const { state, reason } = instance;
  // Nobody to synchronise with, or nothing to do: so it stays until the description changes.
  if (state === 'alone' || state === 'disabled' || state === 'unlisted') return [];
  if (state !== 'running') return [`the instance is ${state}${reason === undefined ? '' : `: ${reason}`}`];
  const some = domains.filter(each => domain === undefined || each.domain === domain);
  if (some.length === 0)
    return [domain === undefined ? 'no domain is served yet' : `no domain ${domain} is served here`];
  return [
    ...some.flatMap(each => {
      if (each.state !== 'in-sync')
        return [
          `${each.domain} is ${each.state}${each.reason === undefined ? '' : `: ${each.reason}`}, ${each.wanted} wanted`,
        ];
      if (each.held) return [`${each.domain}: ${each.held.deletions} deletions are held`];
      return each.unannounced > 0 ? [`${each.domain}: ${each.unannounced} paths are not announced yet`] : [];
    }),
    ...peers.flatMap(({ peer, site, state: peerState, reason: why, untaken, domains: shared }) => {
      if (peerState === 'standby' || !shared.some(at => domain === undefined || at.domain === domain)) return [];
      if (peerState !== 'live') return [`${peer} is ${peerState}${why === undefined ? '' : `: ${why}`}`];
      // A gateway of another site may pull from another one here.
      return untaken === 0 || (untaken === undefined && site !== instance.site)
        ? []
        : [`${peer} has not said to have everything, ${untaken ?? 'all'} changes to go`];
    }),
  ];
}

function sleeping(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}
