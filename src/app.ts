/**
 * The composition root: the network description, who this instance is in it, the operators' port, and the service where there is
 * something to do. Starts and stops them as the description changes.
 */
import { listenAddress, splitAddress } from './config/address.ts';
import { type Identity, identify, type Parsed } from './config/network.ts';
import { NetworkFile } from './config/network-file.ts';
import { formatProblem } from './config/problem.ts';
import type { Instance, Network } from './core/topology.ts';
import { CredentialError, type CredentialFiles, Credentials } from './credentials.ts';
import { Fatal } from './fatal.ts';
import { LockError } from './folder/lock.ts';
import type { PathEvent } from './folder/path-event.ts';
import { isLoopback } from './ops/access.ts';
import { Events } from './ops/events.ts';
import { openOps } from './ops/http.ts';
import type { Listener } from './ops/listener.ts';
import type { Logger } from './ops/log.ts';
import { Metrics } from './ops/metrics.ts';
import { Pulse } from './ops/pulse.ts';
import { presented } from './ops/render.ts';
import type { InstanceState, Status } from './ops/status.ts';
import { VERSION } from './program-version.ts';
import { Service } from './service.ts';
import { actionsOf } from './service-actions.ts';
import { inspectionOf } from './service-inspection.ts';
import { type PeerNames, peerNames, statusOf } from './service-status.ts';
import { systemClock } from './system-clock.ts';

/** What `dfsync run` is told. */
export interface AppOptions extends CredentialFiles {
  readonly config: string;
  readonly identity: Identity;
  readonly root: string;
  /** Default: the address of the role's interface and the port of the server's address. */
  readonly listen?: { readonly host: string; readonly port: number };
  readonly opsListen: { readonly host: string; readonly port: number };
  readonly insecure: boolean;
  readonly requireVolume: boolean;
  readonly newIdentity: boolean;
}

/** Exit code for a command line, or a secret, that cannot be used. */
const EXIT_USAGE = 2;
/** Exit code for an invalid network description. */
const EXIT_CONFIG = 3;
/** How often an instance that has nothing to do says that it is alive. */
const IDLE_BEAT_MS = 10_000;
/** What of a description cannot be done yet is tried again after so long. */
const TRY_AGAIN_MS = 5_000;

export class App {
  readonly #options: AppOptions;
  readonly #log: Logger;
  readonly #pulse = new Pulse();
  readonly #metrics: Metrics;
  readonly #file: NetworkFile;
  readonly #credentials: Credentials;
  readonly #events = new Events(() => this.status());
  readonly #startedAt = Date.now();
  #network!: Network;
  /** Of the network, made once: they are asked for with every transfer. */
  #names: PeerNames = new Map();
  #self: Instance | undefined;
  #document: unknown;
  #state: InstanceState = 'starting';
  #reason: string | undefined;
  #loadedAt = Date.now();
  /** What is wrong with the newest description, which therefore is not in force. */
  #refused: readonly string[] = [];
  /** What of the one that was taken cannot be done yet, and why. */
  #pending: readonly string[] = [];
  #warnings: readonly string[] = [];
  #service: Service | undefined;
  /** A reload that the service under way must end for. */
  #restart = new AbortController();
  #reloading: Promise<void> = Promise.resolve();

  constructor(options: AppOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
    this.#file = new NetworkFile(options.config);
    this.#credentials = credentialsOf(options, log);
    this.#metrics = new Metrics(() => this.status());
  }

  /** Runs until the signal aborts. Throws a {@link Fatal} where it cannot start or go on. */
  async run(stop: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const signal = AbortSignal.any([stop, ended.signal]);
    this.#load();
    this.#credentials.follow(() => this.#self, signal);
    const ops = await this.#openOps();
    this.#pulse.start();
    this.#file.follow(parsed => this.#reloaded(parsed), signal);
    try {
      while (!signal.aborted) await this.#serve(signal);
    } finally {
      this.#state = 'stopping';
      ended.abort();
      this.#pulse.stop();
      this.#events.close();
      await ops.close();
    }
  }

  status(): Status {
    return statusOf(
      {
        roleid: this.#self?.roleid ?? ('roleid' in this.#options.identity ? this.#options.identity.roleid : 0),
        name: this.#self?.name ?? '',
        site: this.#self?.site ?? '',
        server: this.#self?.server ?? ('server' in this.#options.identity ? this.#options.identity.server : ''),
        version: VERSION,
        state: this.#state,
        ...(this.#reason !== undefined && { reason: this.#reason }),
        startedAt: this.#startedAt,
        certificates: this.#credentials.certificates(systemClock.now()),
        config: {
          loadedAt: this.#loadedAt,
          problems: [...this.#refused, ...this.#pending],
          warnings: this.#warnings,
        },
      },
      this.#service,
      this.#names,
      systemClock.now(),
    );
  }

  /** One stretch of life with one identity: until stopped, or until a reload needs another. */
  async #serve(signal: AbortSignal): Promise<void> {
    this.#restart = new AbortController();
    const either = AbortSignal.any([signal, this.#restart.signal]);
    const idle = idleState(this.#network, this.#self);
    if (idle) {
      this.#enter(idle.state, idle.reason);
      while (!either.aborted) {
        this.#pulse.beat();
        await systemClock.sleep(IDLE_BEAT_MS, either);
      }
      return;
    }
    this.#enter('starting', undefined);
    this.#service = this.#makeService(this.#self!);
    try {
      await this.#service.run(either, () => this.#enter('running', undefined));
    } catch (error) {
      // What can be foreseen once it runs is the loss of the lock alone.
      const isFault = this.#state === 'running' && !(error instanceof LockError);
      throw new Fatal(1, error instanceof Error ? error.message : String(error), { cause: error, isFault });
    } finally {
      this.#service = undefined;
    }
  }

  #makeService(self: Instance): Service {
    const { root, requireVolume, newIdentity } = this.#options;
    return new Service(this.#network, self, {
      root,
      version: VERSION,
      clock: systemClock,
      requireVolume,
      newIdentity,
      listen: this.#listenAt(self),
      tokens: () => this.#credentials.peerTokens,
      tls: this.#credentials.peers,
      onPath: event => this.#tellPath(event),
      onScan: (domain, { startedAt, endedAt, paths, hidden, objection }) =>
        this.#log.info('scanned', { domain, paths, ms: endedAt - startedAt, unread: hidden.length, objection }),
      onTransfer: ({ peer, ...transfer }) => this.#metrics.addTransfer({ ...transfer, peer: this.#peerName(peer) }),
      onReport: (domain, report) => {
        const { arrivals: _, operations: __, saved: ___, ...told } = report;
        this.#metrics.pulled(domain, report, origin => this.#siteOf(origin));
        if (told.applied + told.failed > 0 || told.trouble) this.#log.info('pulled', { domain, ...told });
      },
      onReplicaReport: (domain, report) => this.#metrics.reported(domain, report),
      onRequest: (route, status) => this.#metrics.requested('peers', route, status),
      onEvent: (level, event, { peer, ...fields }) =>
        this.#tell(level, event, { ...(peer !== undefined && { peer: this.#peerName(peer) }), ...fields }),
      onBeat: () => this.#pulse.beat(),
      onTrouble: ({ message, lostEvents }) => {
        this.#tell('warn', 'watch', { message, lostEvents });
      },
      onWait: holder => {
        const who = holder
          ? `${holder.name} (roleid ${holder.roleid}, pid ${holder.pid} on ${holder.host}, since ${holder.since})`
          : 'another process';
        this.#enter('waiting-for-lock', `${root} is held by ${who}; it goes on as soon as that one ends`);
      },
    });
  }

  #siteOf(roleid: number): string | undefined {
    return this.#network.instances.find(instance => instance.roleid === roleid)?.site;
  }

  /** To the log, and to whoever listens. */
  #tell(level: 'info' | 'warn' | 'error', event: string, fields: Record<string, unknown>): void {
    this.#log[level](event, fields);
    if (level === 'info') return;
    this.#events.tell({ event: event === 'item' ? 'problem' : 'trouble', data: presented({ what: event, ...fields }) });
  }

  #tellPath({ domain, did, entry, via, conflict }: PathEvent): void {
    const { path, kind, size } = entry;
    this.#events.path({ domain, path, kind, size, did, conflict });
    if (this.#log.isEnabled('debug')) this.#log.debug(`path.${did}`, { domain, path, kind, size, via, conflict });
  }

  #peerName(roleid: unknown): string {
    return this.#names.get(Number(roleid)) ?? String(roleid);
  }

  /** Where to listen for peers. Unguarded nobody but this host may ask, unless that is said to be meant. */
  #listenAt(self: Instance): { host: string; port: number } {
    const listen = this.#options.listen ?? this.#ownAddress(self);
    const { peers, isGuarded } = this.#credentials;
    const objection = peers?.objection(peers.current, self);
    if (objection !== undefined) throw new Fatal(EXIT_USAGE, objection);
    if (!isGuarded && !this.#options.insecure && !isLoopback(listen.host))
      throw new Fatal(
        EXIT_USAGE,
        `without a token file or certificates anybody could read every file from ${listen.host}:${listen.port}: say --token-file FILE, or --tls-cert, --tls-key and --tls-ca, listen on loopback, or say --insecure if that is meant`,
      );
    return listen;
  }

  #ownAddress(self: Instance): { host: string; port: number } {
    try {
      return splitAddress(listenAddress(self.iface, self.address));
    } catch (error) {
      throw new Fatal(EXIT_CONFIG, error instanceof Error ? error.message : String(error));
    }
  }

  #enter(state: InstanceState, reason: string | undefined): void {
    this.#pulse.beat();
    if (state === this.#state && reason === this.#reason) return;
    this.#state = state;
    this.#reason = reason;
    this.#log.info('state', { state, ...(reason !== undefined && { reason }) });
  }

  #load(): void {
    const parsed = this.#file.load();
    this.#warn(parsed);
    if ('problems' in parsed) {
      const list = parsed.problems.map(problem => `  ${formatProblem(problem)}`).join('\n');
      throw new Fatal(
        EXIT_CONFIG,
        `the network description ${this.#options.config} is invalid:\n${list}\ncorrect it; "dfsync check-config ${this.#options.config}" shows what it means`,
      );
    }
    this.#take(parsed);
  }

  #take({ network, document }: Extract<Parsed, { network: Network }>): void {
    this.#network = network;
    this.#document = document;
    this.#names = peerNames(network);
    this.#self = identify(network, this.#options.identity);
  }

  #warn(parsed: Parsed): void {
    this.#warnings = parsed.warnings.map(formatProblem);
    for (const warning of this.#warnings) this.#log.warn('config.warning', { warning });
  }

  /** The description changed: a valid one is applied, an invalid one kept out. */
  #reloaded(parsed: Parsed): void {
    this.#afterReloads(() => this.#reload(parsed));
  }

  /** One after the other. */
  #afterReloads(act: () => Promise<void>): void {
    this.#reloading = this.#reloading.then(act).catch(error =>
      this.#log.error('config.reload', {
        error,
        next: 'the running network goes on; change the file again, or restart; report it',
      }),
    );
  }

  async #reload(parsed: Parsed): Promise<void> {
    if ('problems' in parsed) return this.#refuse(parsed.problems.map(formatProblem));
    const self = identify(parsed.network, this.#options.identity);
    if (this.#self && self && self.roleid !== this.#self.roleid)
      return this.#refuse([
        `server ${self.server} has roleid ${self.roleid} now, this instance is ${this.#self.roleid}: a roleid cannot be changed; restart with --new-identity if that is meant`,
      ]);
    this.#refused = [];
    this.#warn(parsed);
    const same =
      this.#service && self && this.#self && isSameRole(this.#self, self) && !idleState(parsed.network, self);
    this.#take(parsed);
    if (same) return await this.#reconfigure(this.#service!);
    this.#restart.abort();
    this.#applied();
  }

  /** Has the service take the description in force; while a part of it cannot be done, again and again. */
  async #reconfigure(service: Service): Promise<void> {
    const network = this.#network;
    const before = this.#pending;
    this.#pending = (await service.reconfigure(network, this.#self!)).map(
      objection => `${objection}; this is tried again every ${TRY_AGAIN_MS / 1000} s`,
    );
    if (this.#pending.length === 0) return this.#applied();
    if (String(before) !== String(this.#pending)) this.#log.warn('config.pending', { problems: this.#pending });
    const again = async () => {
      // A newer one, or another service, has been given all of it meanwhile.
      if (network === this.#network && service === this.#service) await this.#reconfigure(service);
    };
    setTimeout(() => this.#afterReloads(again), TRY_AGAIN_MS).unref();
  }

  #applied(): void {
    this.#pending = [];
    this.#loadedAt = systemClock.now();
    this.#metrics.configReloaded('success');
    this.#log.info('config.applied', {
      domains: this.#network.domains.length,
      instances: this.#network.instances.length,
    });
  }

  #refuse(problems: readonly string[]): void {
    this.#refused = problems;
    this.#metrics.configReloaded('failure');
    this.#log.error('config.refused; the running network goes on', {
      problems,
      next: `correct ${this.#options.config}; it is read again at once`,
    });
  }

  async #openOps(): Promise<Listener> {
    const { host, port } = this.#options.opsListen;
    try {
      return await openOps(
        {
          status: () => this.status(),
          vitals: () => this.#pulse.vitals(),
          metrics: this.#metrics,
          config: () => ({ network: this.#network, document: this.#document }),
          tokens: () => this.#credentials.opsTokens,
          actions: actionsOf(() => this.#service),
          inspection: inspectionOf({
            service: () => this.#service,
            status: () => this.status(),
            names: () => this.#names,
            root: this.#options.root,
          }),
          events: this.#events,
          log: this.#log,
          tls: this.#credentials.operators,
        },
        host,
        port,
      );
    } catch (error) {
      throw new Fatal(1, error instanceof Error ? error.message : String(error), { cause: error });
    }
  }
}

function credentialsOf(files: CredentialFiles, log: Logger): Credentials {
  try {
    return new Credentials(files, log);
  } catch (error) {
    throw error instanceof CredentialError ? new Fatal(EXIT_USAGE, error.message) : error;
  }
}

/** Why an instance has nothing to do, or undefined. */
function idleState(network: Network, self: Instance | undefined): { state: InstanceState; reason: string } | undefined {
  if (!self)
    return {
      state: 'unlisted',
      reason: 'the network description does not list this instance; nothing is touched until a reload does',
    };
  if (!self.enabled)
    return {
      state: 'disabled',
      reason: 'the network description disables this instance; nothing is touched until a reload enables it',
    };
  if (network.instances.filter(instance => instance.enabled).length === 1)
    return { state: 'alone', reason: 'the network has one enabled instance: there is nobody to synchronise with' };
  return undefined;
}

/** Whether what a service was built upon stayed the same. */
function isSameRole(a: Instance, b: Instance): boolean {
  const built = ({ site, iface, address, options }: Instance) => JSON.stringify([site, iface, address, options]);
  return built(a) === built(b);
}
