/** Secrets stay where they are: known ones are given to real instances, errors are provoked, and all that is said is searched for them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request as plainRequest, type ServerResponse } from 'node:http';
import { createServer, request, type Server } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Authority, type Issued, identityOf, withoutOpenssl } from '../support/certificates.ts';
import { Command } from './command.ts';
import type { Instance } from './instance.ts';
import { TestNetwork } from './network.ts';
import { freePort } from './ports.ts';

const SECRETS = {
  peers: 'secret-of-peers-b3f1',
  oldPeers: 'secret-of-peers-before-77aa',
  otherPeers: 'secret-of-other-peers-19cc',
  read: 'secret-of-readers-90d2',
  admin: 'secret-of-chiefs-5e3b',
  broken: 'secret-in-a-broken-file-c0de',
  guessed: 'secret-that-a-client-guessed-f00d',
  document: 'secret-of-another-role-4711',
};

/** The third instance answers everything with what it was sent, as a debugging proxy would. */
const SHAPE = { sites: { north: ['n1', 'n2', 'n3'] }, domains: { acme: ['north'] } };
const OPS_ROUTES = ['/metrics', '/livez', '/readyz', '/startupz', '/status', '/config', '/rescan', '/nothing'];
const PEER_ROUTES = ['/v1/self', '/v1/domains', '/v1/openapi.json', '/v1/domains/acme.example/files/x', '/v1/nothing'];

describe('secrets', { skip: withoutOpenssl, timeout: 300_000 }, () => {
  let network: TestNetwork;
  let authority: Authority;
  let echo: Server;
  const shown = new Map<string, Issued>();
  /** All that anybody was told, with who said it. */
  const said: [where: string, text: string][] = [];
  const secret = (name: string, file: string, ...lines: string[]) => {
    const path = join(network.directory, `${name}-${file}`);
    writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600 });
    return path;
  };

  before(async () => {
    authority = new Authority();
    network = await TestNetwork.create(SHAPE);
    for (const { name, place } of network.instances) {
      const issued = authority.of(place.roleid);
      shown.set(name, issued);
      Object.assign(place, {
        flags: [
          ...['--log-level', 'debug', '--log-format', 'json'],
          ...['--token-file', secret(name, 'token', SECRETS.peers, SECRETS.oldPeers)],
          ...['--read-token-file', secret(name, 'read', SECRETS.read)],
          ...['--admin-token-file', secret(name, 'admin', SECRETS.admin)],
          ...['--tls-cert', issued.cert, '--tls-key', issued.key, '--tls-ca', issued.ca],
        ],
      });
    }
    const description = network.description();
    const [site] = description.sites as { servers: { roles: object[] }[] }[];
    site!.servers[0]!.roles.push({ roletype: 'database', password: SECRETS.document });
    network.describe(description);
    echo = createServer(identityOf(shown.get('n3')!), echoing).listen(network.get('n3').place.port, '127.0.0.1');
    await once(echo, 'listening');
    await Promise.all(['n1', 'n2'].map(name => network.get(name).start()));
  });
  after(async () => {
    echo.close().closeAllConnections();
    await network.close();
  });

  async function hear(where: string, asked: ReturnType<typeof request>): Promise<number> {
    const [answer] = (await once(asked.end(), 'response')) as [IncomingMessage];
    said.push([where, JSON.stringify(answer.headers) + Buffer.concat(await answer.toArray()).toString()]);
    return answer.statusCode!;
  }

  const bearing = (token: string | undefined) => (token === undefined ? {} : { authorization: `Bearer ${token}` });

  function operators(instance: Instance, path: string, method = 'GET', token?: string): Promise<number> {
    const to = { host: '127.0.0.1', port: instance.place.opsPort, path, method, headers: bearing(token), agent: false };
    return hear(`${method} ${path} of ${instance.name} by ${token}`, plainRequest(to));
  }

  function peers(instance: Instance, path: string, as: string, token?: string): Promise<number> {
    const { roleid } = network.get(as).place;
    const tls = { ...identityOf(shown.get(as)!), checkServerIdentity: () => undefined, agent: false } as const;
    const headers = { 'dfsync-roleid': String(roleid), ...bearing(token) };
    return hear(
      `GET ${path} of ${instance.name} by ${as}`,
      request({ host: '127.0.0.1', port: instance.place.port, path, headers, ...tls }),
    );
  }

  const assertNothingSaid = (searched: readonly [string, string][], secrets: readonly string[]) => {
    for (const [where, text] of searched)
      for (const each of secrets) assert.ok(!text.includes(each), `${where} tells ${each}:\n${text.slice(0, 5_000)}`);
  };

  const everySecret = () => [
    ...Object.values(SECRETS),
    ...[...shown.values()].flatMap(({ key }) =>
      readFileSync(key, 'utf8')
        .split('\n')
        .filter(line => line.length > 20 && !line.startsWith('-')),
    ),
  ];

  test('are told nowhere, whatever goes wrong', async () => {
    const [n1, n2] = [network.get('n1'), network.get('n2')];
    await n1.until('the echo to be heard', async () => {
      const { peers } = await n1.status();
      return peers.find(({ roleid }) => roleid === 3)?.reason?.includes('authorization');
    });
    // Tokens and keys that cannot be used, a token that the peer does not know, a description that is none.
    secret('n1', 'read', `${SECRETS.broken} with blanks`);
    await n1.until('the refusal of tokens', () => n1.log.includes('token.refused'));
    const { key } = shown.get('n1')!;
    const usable = readFileSync(key, 'utf8');
    writeFileSync(key, `${usable.slice(0, 80)}${SECRETS.broken}`);
    await n1.until('the refusal of the key', () => n1.log.includes('certificate.refused'));
    writeFileSync(key, usable);
    secret('n2', 'token', SECRETS.otherPeers);
    await n2.until('the new token', () => n2.log.includes('token.applied'));
    await n2.until('the refusal of it', async () => (await n2.status()).peers.some(({ state }) => state === 'refused'));
    const written = readFileSync(n1.place.config, 'utf8');
    network.describe(written.replace(SECRETS.document, `${SECRETS.document}" "${SECRETS.document}`));
    for (const instance of [n1, n2])
      await instance.until('the refusal of the description', () => instance.log.includes('config.refused'));
    // Who asks wrongly, and who asks rightly.
    for (const token of [undefined, SECRETS.guessed, SECRETS.read, SECRETS.admin])
      for (const route of OPS_ROUTES) {
        if (route !== '/config' || token !== SECRETS.admin) await operators(n1, `${route}?verbose`, 'GET', token);
        await operators(n1, route, 'POST', token);
      }
    for (const route of PEER_ROUTES) {
      assert.equal(await peers(n1, route, 'n2', SECRETS.guessed), 401);
      await peers(n1, route, 'n2', SECRETS.oldPeers);
    }
    const noise = connect(n1.place.opsPort, '127.0.0.1');
    noise.end(`GET /status HTTP/1.1\r\nauthorization Bearer ${SECRETS.admin}\r\n\r\n`);
    said.push(['noise', Buffer.concat(await noise.toArray()).toString()]);
    await Promise.all([n1.stop(), n2.stop()]);
    assertNothingSaid([...said, ['the log of n1', n1.log], ['the log of n2', n2.log]], everySecret());
    assert.ok(said.length > 60 && n1.log.length > 1_000, 'something was said at all');
    network.describe(written);
  });

  test('of other roles are shown with the description to an admin token alone, and no secret of ours with them', async () => {
    const n1 = network.get('n1');
    secret('n1', 'read', SECRETS.read);
    await n1.start();
    said.length = 0;
    assert.equal(await operators(n1, '/config', 'GET', SECRETS.admin), 200);
    assert.ok(said[0]![1].includes(SECRETS.document));
    const { document: _, ...ours } = SECRETS;
    assertNothingSaid(said, Object.values(ours));
    await n1.stop();
  });

  test("the operators' port speaks TLS where it has a certificate", async () => {
    const { place } = network.get('n1');
    const { cert, key, ca } = authority.issue('operators', { names: 'DNS:localhost' });
    const opsPort = await freePort();
    const command = new Command([
      ...['run', '--config', place.config, '--roleid', '1', '--root', place.root],
      ...['--listen', `127.0.0.1:${place.port}`, '--ops-listen', `127.0.0.1:${opsPort}`],
      ...['--ops-tls-cert', cert, '--ops-tls-key', key, '--token-file', secret('n1', 'token', SECRETS.peers)],
    ]);
    const to = {
      host: '127.0.0.1',
      port: opsPort,
      path: '/readyz',
      agent: false,
      ca: readFileSync(ca),
      servername: 'localhost',
    };
    await network.until('it to be ready', async () => (await hear('TLS', request(to))) === 200);
    command.signal('SIGTERM');
    assert.equal((await command.exited).code, 0, command.output);
  });
});

/** Tells back whatever it is sent, as the roleid that it is taken for. */
function echoing({ headers }: IncomingMessage, response: ServerResponse): void {
  const detail = Object.entries(headers).join(' ');
  response.writeHead(401, { 'content-type': 'application/problem+json', 'dfsync-roleid': '3', 'dfsync-protocol': '1' });
  response.end(JSON.stringify({ type: 'about:blank', title: 'Unauthorized', status: 401, detail }));
}
