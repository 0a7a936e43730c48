import { ActionError, type Actions, type Recovered } from '../../src/ops/actions.ts';

/** Actions of an instance that serves `acme.example`; what they were asked is in `asked`. */
export function sampleActions(asked: unknown[] = []): Actions {
  const taken = (...question: unknown[]) => {
    asked.push(question);
    if (question[1] !== 'acme.example' && question[1] !== undefined)
      throw new ActionError(404, `no domain ${question[1]} is served here`);
  };
  const recovered = (domain: string, dryRun: boolean): Recovered => ({
    domain,
    dryRun,
    held: 0,
    recovered: 0,
    items: [],
    failed: [],
  });
  return {
    accept: async (domain, side) => {
      taken('accept', domain, side);
      return { domain, peers: ['dfsync2'], trashed: side === 'remote' ? 3 : 0, failed: [] };
    },
    release: domain => {
      taken('release', domain);
      return { domain, released: 3 };
    },
    undo: async (domain, wish) => {
      taken('undo', domain, wish);
      return recovered(domain, wish.dryRun);
    },
    trash: async domain => {
      taken('trash', domain);
      return { domain, total: 0, items: [] };
    },
    restore: async (domain, wish) => {
      taken('restore', domain, wish);
      return recovered(domain, wish.dryRun);
    },
    rescan: domain => {
      taken('rescan', domain);
      return { domains: [domain ?? 'acme.example'], at: 1_700_000_000_000 };
    },
    pause: async domain => {
      taken('pause', domain);
      return { paused: [domain ?? 'acme.example'] };
    },
    resume: async domain => {
      taken('resume', domain);
      return { resumed: [] };
    },
    redate: async domain => {
      taken('redate', domain);
      return { redated: { 'acme.example': 2 } };
    },
  };
}
