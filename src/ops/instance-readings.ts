/** What is read of the instance itself: its volume, its watcher, its description. */
import { inSeconds, type Reading, single, stateset } from './reading.ts';
import { INSTANCE_STATES, WATCH_MODES } from './status.ts';

export const INSTANCE_READINGS: readonly Reading[] = [
  {
    name: 'dfsync_instance_state',
    help: 'State of this instance: 1 for the present one.',
    labels: ['state'],
    read: status => stateset(INSTANCE_STATES, status.instance.state, {}),
  },
  {
    name: 'dfsync_unmapped',
    help: 'First-level names of the volume that no domain maps: they are not synchronised.',
    labels: [],
    read: single(status => status.unmapped.length),
  },
  {
    name: 'dfsync_volume_size_bytes',
    help: 'Size of the file system of the volume, in bytes.',
    labels: [],
    read: single(status => status.volume?.total),
  },
  {
    name: 'dfsync_volume_free_bytes',
    help: 'What of it is free for this process, in bytes.',
    labels: [],
    read: single(status => status.volume?.free),
  },
  {
    name: 'dfsync_watch_mode',
    help: 'Where events come from: 1 for the present source.',
    labels: ['mode'],
    read: status => WATCH_MODES.map(mode => [{ mode }, Number(mode === status.instance.watch.kind)]),
  },
  {
    name: 'dfsync_watch_degraded',
    help: 'Whether events may be missing at present, so that only scans find every change.',
    labels: [],
    read: single(status => Number(status.instance.watch.degraded !== undefined)),
  },
  {
    name: 'dfsync_watch_events_total',
    help: 'Reasons to look at a path that came of the watcher.',
    labels: [],
    counter: true,
    read: single(status => status.instance.watch.events ?? 0),
  },
  {
    name: 'dfsync_watch_lost_events_total',
    help: 'Times that the watcher lost events, or may have, and a scan took its place.',
    labels: [],
    counter: true,
    read: single(status => status.instance.watch.losses ?? 0),
  },
  {
    name: 'dfsync_watch_probe_timestamp_seconds',
    help: 'When the watcher proved last that events arrive, by one of its own, in seconds since 1970.',
    labels: [],
    read: single(status => inSeconds(status.instance.watch.provedAt)),
  },
  {
    name: 'dfsync_watches',
    help: 'Watches of the kernel that this instance holds, as of the last proof.',
    labels: [],
    read: single(status => status.instance.watch.watches),
  },
  {
    name: 'dfsync_watches_limit',
    help: 'How many of them one user of this host may have (fs.inotify.max_user_watches).',
    labels: [],
    read: single(status => status.instance.watch.limit),
  },
  {
    name: 'dfsync_config_last_reload_successful',
    help: 'Whether the newest version of the network description is in force (1) or was refused (0).',
    labels: [],
    read: single(status => Number(status.instance.config.problems.length === 0)),
  },
  {
    name: 'dfsync_config_last_reload_success_timestamp_seconds',
    help: 'When the network description in force was taken, in seconds since 1970.',
    labels: [],
    read: status => [[{}, status.instance.config.loadedAt / 1000]],
  },
  {
    name: 'dfsync_certificate_expiry_timestamp_seconds',
    help: 'When a certificate of this instance, or what it was issued by, ends, in seconds since 1970.',
    labels: ['use'],
    read: status => status.instance.certificates.map(({ use, expiresAt }) => [{ use }, expiresAt / 1000]),
  },
  {
    name: 'dfsync_build_info',
    help: 'Version of the program and of what runs it; always 1.',
    labels: ['version', 'node_version'],
    read: status => [[{ version: status.instance.version, node_version: process.versions.node }, 1]],
  },
];
