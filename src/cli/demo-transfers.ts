/** What an instance received, read from its metrics. */

const SERIES = /^dfsync_transfer_bytes_total\{(.*)\} (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Bytes of files that an instance received since it started, by domain, from the text that `/metrics` answers. */
export function receivedBytes(metrics: string): Map<string, number> {
  const sums = new Map<string, number>();
  for (const line of metrics.split('\n')) {
    const [, list, value] = SERIES.exec(line) ?? [];
    if (list === undefined) continue;
    const labels = new Map([...list.matchAll(LABEL)].map(([, label, raw]) => [label, unescaped(raw!)]));
    if (labels.get('direction') !== 'received' || labels.get('kind') !== 'content') continue;
    const domain = labels.get('domain') ?? '';
    sums.set(domain, (sums.get(domain) ?? 0) + Number(value));
  }
  return sums;
}

function unescaped(raw: string): string {
  return raw.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}
