/** The demonstration network as it lies on disk: four volumes, what is in them at first, and the description of all. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One instance of the demonstration network. */
export interface DemoPlace {
  readonly name: string;
  readonly site: string;
  readonly gateway: boolean;
  readonly roleid: number;
  /** Its volume, the `:SYNC` of its server. */
  readonly root: string;
  /** On 127.0.0.1: for its peers, and for operators. */
  readonly port: number;
  readonly opsPort: number;
  /** What its process prints. */
  readonly log: string;
}

/** The whole demonstration network. */
export interface DemoNetwork {
  readonly directory: string;
  /** The network description. */
  readonly config: string;
  readonly places: readonly DemoPlace[];
}

const SITES = ['north', 'south'];
const DOMAINS = [
  { name: 'acme.example', directory: 'acme', sites: ['north', 'south'] },
  { name: 'local.example', directory: 'local', sites: ['north'] },
];
const MEMBERS = [
  { name: 'n1', site: 'north', gateway: true },
  { name: 'n2', site: 'north', gateway: false },
  { name: 's1', site: 'south', gateway: true },
  { name: 's2', site: 'south', gateway: false },
];
/** The package's own files make a real tree; which of them there are depends on how it was installed. */
const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
const SEEDS = [
  { at: 'n1', directory: 'common', from: ['README.md', 'LICENSE', 'package.json', 'src'] },
  { at: 's2', directory: 'acme', from: ['test', 'dist'] },
  { at: 'n2', directory: 'local', from: ['LICENSE', 'package.json'] },
];

/** Small ones: it is their number that takes time. */
const FILE_BYTES = 1000;
const FILES_IN_A_DIRECTORY = 500;

/**
 * Makes the volumes, with a tree in three of them, and the description, in a new temporary directory.
 *
 * @param files so many small files more are in the first volume
 */
export async function makeDemoNetwork(files = 0): Promise<DemoNetwork> {
  const directory = mkdtempSync(join(tmpdir(), 'dfsync-demo-'));
  const ports = await freePorts(MEMBERS.length * 2);
  const places = MEMBERS.map((member, i): DemoPlace => {
    const { name } = member;
    const at = { root: join(directory, name), log: join(directory, `${name}.log`) };
    return { ...member, ...at, roleid: i + 1, port: ports[2 * i]!, opsPort: ports[2 * i + 1]! };
  });
  for (const { root } of places) mkdirSync(root);
  for (const { at, directory: domain, from } of SEEDS) seed(join(directory, at, domain), from);
  fill(join(places[0]!.root, 'common', 'many'), files);
  const config = join(directory, 'network.json');
  writeFileSync(config, `${JSON.stringify(describe(places), null, 2)}\n`);
  return { directory, config, places };
}

function seed(to: string, from: readonly string[]): void {
  mkdirSync(to);
  for (const path of from.map(name => join(PACKAGE, name)))
    if (existsSync(path)) cpSync(path, join(to, basename(path)), { recursive: true, preserveTimestamps: true });
}

function fill(to: string, files: number): void {
  for (let i = 0; i < files; i++) {
    const directory = join(to, String(Math.floor(i / FILES_IN_A_DIRECTORY)));
    if (i % FILES_IN_A_DIRECTORY === 0) mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `${i}.txt`), `${i}\n`.padStart(FILE_BYTES, '.'));
  }
}

function describe(places: readonly DemoPlace[]) {
  const servers = (site: string) => places.filter(place => place.site === site).map(serverOf);
  return { domains: DOMAINS, sites: SITES.map(name => ({ name, servers: servers(name) })), options: {} };
}

function serverOf({ name, port, roleid, gateway }: DemoPlace) {
  const role = { name, roletype: 'dfsync', iface: 'lo', is_cross_site: gateway, roleid, separate: true };
  return { name, address: `127.0.0.1:${port}`, roles: [role] };
}

/** Ports that the kernel calls free. All are held until the last is known, so that none comes twice. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listening));
  const ports = servers.map(server => (server.address() as { port: number }).port);
  await Promise.all(servers.map(server => new Promise(closed => server.close(closed))));
  return ports;
}

function listening(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject).listen(0, '127.0.0.1', () => resolve(server));
  });
}
