/** Every metric that counts what is reported. */
import { OPERATIONS } from '../core/operation.ts';
import { type Counting, ofDomains } from './counts.ts';

/** Why a scan began, how one ended, and why bytes did not travel: as their reports have them. */
export const SCAN_TRIGGERS = ['start', 'interval', 'lost-events', 'retry'] as const;
export const SCAN_RESULTS = ['ok', 'objected', 'failed'] as const;
export const SAVINGS = ['renamed', 'copied', 'resumed', 'equal'] as const;

/** Some bytes that travelled, counted on the wire. */
export interface Transfer {
  readonly peer: string;
  /** Empty for what belongs to no single domain (the feed, greetings). */
  readonly domain: string;
  readonly direction: 'sent' | 'received';
  /** `content`: bytes of files, single or bundled; `index`: everything else. */
  readonly kind: 'content' | 'index';
  readonly bytes: number;
}

const DIRECTIONS: readonly Transfer['direction'][] = ['sent', 'received'];
const KINDS: readonly Transfer['kind'][] = ['content', 'index'];
const CHANGES = OPERATIONS.filter(operation => operation !== 'record');

export const TRANSFERRED: Counting = {
  name: 'dfsync_transfer_bytes_total',
  help: 'Bytes exchanged with a peer: content of files, or index (everything else).',
  labels: ['peer', 'domain', 'direction', 'kind'],
  known: status =>
    status.peers.flatMap(({ peer, domains }) =>
      ofDomains(status, { direction: DIRECTIONS, kind: KINDS }, ['', ...domains.map(at => at.domain)]).map(labels => ({
        peer,
        ...labels,
      })),
    ),
};

export const LOCAL_CHANGES: Counting = {
  name: 'dfsync_local_changes_total',
  help: 'Changes made on this server, by what was done; the old name of what was renamed counts as a delete.',
  labels: ['domain', 'op'],
  known: status => ofDomains(status, { op: CHANGES }),
};

export const APPLIED_CHANGES: Counting = {
  name: 'dfsync_applied_changes_total',
  help: 'Changes of other servers that were applied here, by what was done; record: only what is known of the path.',
  labels: ['domain', 'op'],
  known: status => ofDomains(status, { op: OPERATIONS }),
};

export const DRIFT: Counting = {
  name: 'dfsync_scan_drift_entries_total',
  help: 'Differences that a scan found and that no event had announced.',
  labels: ['domain', 'op'],
  known: status => ofDomains(status, { op: CHANGES }),
};

export const SCANS: Counting = {
  name: 'dfsync_scans_total',
  help: 'Scans of a domain that have ended, by why they began and how they ended.',
  labels: ['domain', 'trigger', 'result'],
  known: status => ofDomains(status, { trigger: SCAN_TRIGGERS, result: SCAN_RESULTS }),
};

export const FLUSHES: Counting = {
  name: 'dfsync_cache_flushes_total',
  help: 'Times that the cache of a domain was to be written, by result.',
  labels: ['domain', 'result'],
  known: status => ofDomains(status, { result: ['ok', 'failed'] }),
};

export const RECEIVED_FILES: Counting = {
  name: 'dfsync_received_files_total',
  help: 'Files whose content came from a peer.',
  labels: ['domain'],
  known: status => ofDomains(status, {}),
};

export const RETRIES: Counting = {
  name: 'dfsync_transfer_retries_total',
  help: 'Files whose transfer broke off, so that it is tried again.',
  labels: ['domain'],
  known: status => ofDomains(status, {}),
};

export const FAILED_CHANGES: Counting = {
  name: 'dfsync_failed_changes_total',
  help: 'Changes of other servers that this disk refused; each is tried again.',
  labels: ['domain'],
  known: status => ofDomains(status, {}),
};

export const SAVED: Counting = {
  name: 'dfsync_saved_bytes_total',
  help: 'Bytes of files that did not have to travel, by why.',
  labels: ['domain', 'reason'],
  known: status => ofDomains(status, { reason: SAVINGS }),
};

export const RELOADS: Counting = {
  name: 'dfsync_config_reloads_total',
  help: 'Versions of the network description that were read after the start, by result.',
  labels: ['result'],
  known: () => [{ result: 'success' }, { result: 'failure' }],
};

export const REQUESTS: Counting = {
  name: 'dfsync_http_requests_total',
  help: 'Requests that were answered, by the port, the pattern of their route (none: there is no such route) and the status.',
  labels: ['listener', 'route', 'code'],
};
