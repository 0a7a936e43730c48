import { ActionError } from '../../src/ops/actions.ts';
import { Events } from '../../src/ops/events.ts';
import type { Inspection, VerifyLine, Why } from '../../src/ops/inspection.ts';
import { sampleStatus } from './status-sample.ts';

export const WHY: Why = {
  domain: 'acme.example',
  directory: 'acme',
  path: 'a/b.txt',
  says: ['what dfsync2 has wins', 'it wins over that of dfsync1 by: newer mark'],
  disk: { kind: 'file', size: 3, mtime: 1_700_000_000_000, mode: 0o644 },
  opinions: [
    {
      ...{ peer: 'dfsync1', roleid: 1, site: 'north', self: true, wins: false, rule: 'newer mark' },
      ...{ writer: 'dfsync1', changedAt: 1_700_000_000_000 },
      entry: { kind: 'file', size: 3, mtime: 1_700_000_000_000, mode: 0o644, version: { 1: 1_700_000_000_000 } },
    },
    { peer: 'dfsync3', roleid: 3, site: 'south', self: false, wins: false, error: 'no answer within 5 s' },
  ],
  unasked: [{ peer: 'dfsync4', roleid: 4, site: 'south', server: 's2', askOn: ['s1'], heard: 1_700_000_000_000 }],
};

/** Inspections of an instance that serves `acme.example`; what they were asked is in `asked`, what a verification tells is given. */
export function sampleInspection(asked: unknown[] = [], lines: readonly VerifyLine[] = []): Inspection {
  return {
    mismatches: domain => {
      asked.push(['mismatches', domain]);
      if (domain !== undefined && domain !== 'acme.example') throw new ActionError(404, `no domain ${domain}`);
      const found = { path: 'a\u001b', class: 'older', since: 1_700_000_000_000, peers: ['dfsync2'] } as const;
      return [{ domain: 'acme.example', directory: 'acme', state: 'syncing', total: 7, mismatches: [found] }];
    },
    why: async path => {
      asked.push(['why', path]);
      if (!path.startsWith('acme/')) throw new ActionError(404, 'directories that are served here: acme');
      return WHY;
    },
    verify: async (wish, tell) => {
      asked.push(['verify', wish]);
      if (wish.domain === 'none') throw new ActionError(404, 'no domain none');
      for (const line of lines) tell(line);
    },
  };
}

/** What an operators' port needs besides what it always needed. */
export const sampleLooks = () => ({ inspection: sampleInspection(), events: new Events(() => sampleStatus()) });
