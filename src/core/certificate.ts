/** Whom a certificate names: an instance by `dfsync://ROLEID` or by the name of its server, and nothing else. */
import type { Instance } from './topology.ts';

/** One alternative name as Node writes it; what holds anything special is quoted. */
const ALTERNATIVE = /([^:,]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;

/**
 * The URIs and DNS names among a certificate's alternative names, as Node writes them. None where that is no such list. Quoted
 * ones are left out: no name of ours needs quotes, and a name that contains others must not pass for them.
 */
export function namesIn(alternatives: string | undefined): readonly string[] {
  const names: string[] = [];
  const text = alternatives ?? '';
  for (ALTERNATIVE.lastIndex = 0; ALTERNATIVE.lastIndex < text.length; ) {
    const [, kind, name] = ALTERNATIVE.exec(text) ?? [];
    if (kind === undefined || name === undefined) return [];
    if ((kind === 'URI' || kind === 'DNS') && !name.startsWith('"')) names.push(`${kind}:${name}`);
  }
  return names;
}

/** The names of which a certificate of an instance must have one. */
export function namesOf({ roleid, server }: Pick<Instance, 'roleid' | 'server'>): readonly [string, string] {
  return [`URI:dfsync://${roleid}`, `DNS:${server}`];
}

/** Whether a certificate with these names is one of an instance. Wildcards stand for nobody: a name is compared whole. */
export function isNamed(names: readonly string[], instance: Pick<Instance, 'roleid' | 'server'>): boolean {
  return namesOf(instance).some(name => names.includes(name));
}
