/** Whom a caller trusts in TLS. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { checkServerIdentity, getCACertificates } from 'node:tls';

/**
 * Trusts, besides everybody whom Node trusts, whoever has the key of one certificate, by whatever name he was called: an instance is
 * asked at 127.0.0.1 on its own host, which its certificate hardly names, and its authority may be known to nobody there.
 *
 * @param file the certificate; of a chain the first
 * @throws where it cannot be read, or is none
 */
export function agentTrusting(file: string): Agent {
  const own = new X509Certificate(readFileSync(file));
  return new Agent({
    ca: [...getCACertificates('default'), own.toString()],
    allowPartialTrustChain: true,
    checkServerIdentity: (host, shown) => (own.raw.equals(shown.raw) ? undefined : checkServerIdentity(host, shown)),
  });
}
