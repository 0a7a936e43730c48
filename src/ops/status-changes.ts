/** What has changed between two looks at an instance's status, as small messages. */
import type { DomainStatus, InstanceStatus, PeerStatus, Status } from './status.ts';

/** A message: its name, and plain data. */
export interface Message {
  readonly event: 'instance' | 'domain' | 'peer' | 'gone' | 'change' | 'more' | 'conflict' | 'problem' | 'trouble';
  readonly data: Readonly<Record<string, unknown>>;
}

/** Remembers what was told last. */
export class StatusChanges {
  #told = new Map<string, string>();

  /** Messages for what is new or another than at the last call: everything, at the first one. */
  of(status: Status): Message[] {
    const told = new Map<string, string>();
    const messages: Message[] = [];
    for (const message of messagesOf(status)) {
      const key = keyOf(message);
      const text = JSON.stringify(message.data);
      told.set(key, text);
      if (this.#told.get(key) !== text) messages.push(message);
    }
    for (const key of this.#told.keys()) if (!told.has(key)) messages.push(goneOf(key));
    this.#told = told;
    return messages;
  }
}

/** All that a status says, in messages. */
export function messagesOf({ instance, domains, peers }: Status): Message[] {
  return [instanceMessage(instance), ...domains.map(domainMessage), ...peers.map(peerMessage)];
}

function instanceMessage({
  roleid,
  name,
  site,
  server,
  version,
  state,
  reason,
  startedAt,
  config,
  watch,
}: InstanceStatus) {
  const { problems } = config;
  const { kind, degraded } = watch;
  const data = { roleid, name, site, server, version, state, reason, startedAt, problems, watch: kind, degraded };
  return { event: 'instance', data } as const;
}

function domainMessage({ domain, directory, state, reason, files, bytes, digest, ...rest }: DomainStatus) {
  const { wanted, wantedBytes, fetching, unannounced, conflicts, items, held, trashBytes } = rest;
  const data = {
    ...{ domain, directory, state, reason, files, bytes, digest, wanted, wantedBytes, fetching, unannounced },
    ...{ conflicts, items: items.length, held: held?.deletions ?? 0, trashBytes },
  };
  return { event: 'domain', data } as const;
}

/** Without what changes at every look although nothing has happened, such as the bytes of heartbeats. */
function peerMessage({ peer, roleid, site, address, up, state, reason, untaken, traffic, domains }: PeerStatus) {
  const shared = domains.map(({ lagSeconds, ...domain }) => ({ ...domain, lagSeconds: Math.floor(lagSeconds) }));
  const rates = traffic && {
    sentPerSecond: coarse(traffic.sent.perSecond),
    receivedPerSecond: coarse(traffic.received.perSecond),
  };
  const data = { peer, roleid, site, address, up, state, reason, untaken, ...rates, domains: shared };
  return { event: 'peer', data } as const;
}

/** In tens of kilobytes: a quiet link has none. */
function coarse(bytes: number): number {
  return Math.round(bytes / 10_000) * 10_000;
}

function keyOf({ event, data }: Message): string {
  return JSON.stringify([event, data.domain ?? data.peer ?? '']);
}

function goneOf(key: string): Message {
  const [was, name] = JSON.parse(key) as [string, string];
  return { event: 'gone', data: { [was]: name } };
}
