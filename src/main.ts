/** The process shell: arguments, environment, signals, exit codes. */
import { hostname } from 'node:os';
import process from 'node:process';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import type { AppOptions } from './app.ts';
import { flag, KNOWN_ENV } from './cli/flag.ts';
import { addOperatorCommands, OPS_PORT } from './cli/operator-commands.ts';
import { splitAddress } from './config/address.ts';
import { compileLate, limitHeap } from './engine.ts';
import { Fatal } from './fatal.ts';
import { VERSION } from './program-version.ts';

/** Exit code for a command line that makes no sense. */
const EXIT_USAGE = 2;
/** A stop that takes longer than this is cut off: Kubernetes and systemd lose patience soon after. */
const STOP_AT_MOST_MS = 9_500;

/** What {@link AppOptions} has, and what is made into its identity or is the shell's. */
interface RunFlags extends Omit<AppOptions, 'identity'> {
  readonly roleid?: number;
  readonly server?: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat?: 'text' | 'json';
}

/** Runs a command line; sets the exit code of the process. */
export async function main(args: readonly string[]): Promise<void> {
  limitHeap();
  compileLate();
  try {
    await program().parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
    else throw error;
  }
}

function program(): Command {
  const dfsync = new Command('dfsync')
    .description('Domain Folder Synchronizator: keeps a directory tree equal on all servers of a system.')
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(say --help for what can be said)')
    .enablePositionalOptions();
  dfsync
    .command('run')
    .description('Run one instance: watch, serve and pull until stopped.')
    .addOption(
      flag(
        '--config <file>',
        'network description, JSON or YAML; followed while running',
        'DFSYNC_CONFIG',
      ).makeOptionMandatory(),
    )
    .addOption(flag('--roleid <n>', 'who this instance is: the roleid of its role', 'DFSYNC_ROLEID').argParser(integer))
    .addOption(
      flag('--server <name>', 'who this instance is: the name of its server (default: the host name)', 'DFSYNC_SERVER'),
    )
    .addOption(flag('--root <dir>', 'the volume :SYNC, one directory per domain', 'DFSYNC_ROOT').makeOptionMandatory())
    .addOption(
      flag(
        '--listen <host:port>',
        'where peers ask (default: the address of iface, the port of address)',
        'DFSYNC_LISTEN',
      ).argParser(hostPort),
    )
    .addOption(
      flag('--ops-listen <host:port>', 'where operators ask: metrics, probes, status', 'DFSYNC_OPS_LISTEN')
        .argParser(hostPort)
        .default({ host: '0.0.0.0', port: OPS_PORT }, `0.0.0.0:${OPS_PORT}`),
    )
    .addOption(
      flag(
        '--token-file <file>',
        'bearer tokens between peers, one a line: the first is sent, all are accepted; followed while running',
        'DFSYNC_TOKEN_FILE',
      ),
    )
    .addOption(
      flag(
        '--read-token-file <file>',
        'bearer tokens of operators who may look; a file like that of --token-file',
        'DFSYNC_READ_TOKEN_FILE',
      ),
    )
    .addOption(
      flag(
        '--admin-token-file <file>',
        'bearer tokens of operators who may look and act; without it nobody may act',
        'DFSYNC_ADMIN_TOKEN_FILE',
      ),
    )
    .addOption(
      flag(
        '--tls-cert <file>',
        'certificate that names this instance: TLS between peers; followed while running, as all of these',
        'DFSYNC_TLS_CERT',
      ),
    )
    .addOption(flag('--tls-key <file>', 'its private key', 'DFSYNC_TLS_KEY'))
    .addOption(flag('--tls-ca <file>', "authorities that peers' certificates come from", 'DFSYNC_TLS_CA'))
    .addOption(flag('--ops-tls-cert <file>', "certificate of the operators' port: TLS there", 'DFSYNC_OPS_TLS_CERT'))
    .addOption(flag('--ops-tls-key <file>', 'its private key', 'DFSYNC_OPS_TLS_KEY'))
    .addOption(flag('--insecure', 'listen beyond loopback without a token or certificates', 'DFSYNC_INSECURE'))
    .addOption(
      flag('--require-volume', 'never take a directory without a marker for a new volume', 'DFSYNC_REQUIRE_VOLUME'),
    )
    .addOption(flag('--new-identity', 'take over a volume of another roleid', 'DFSYNC_NEW_IDENTITY'))
    .addOption(
      flag('--log-level <level>', 'lowest level that is logged', 'DFSYNC_LOG_LEVEL')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .addOption(
      flag(
        '--log-format <format>',
        'text or json (default: text on a terminal, else json)',
        'DFSYNC_LOG_FORMAT',
      ).choices(['text', 'json']),
    )
    .addHelpText('after', '\nExit codes: 0 stopped, 1 failed, 2 bad usage, 3 invalid network description.')
    .action((flags: RunFlags, command: Command) => run(settled(flags, command)));
  dfsync
    .command('check-config')
    .description('Say what a network description means: who pulls from whom, for which domains.')
    .argument('<file>', 'network description, JSON or YAML')
    .addHelpText('after', '\nExit codes: 0 valid, 2 bad usage, 3 invalid (every problem is listed with its path).')
    .action(async (file: string) => {
      const { checkConfig } = await import('./cli/check-config.ts');
      process.exitCode = await checkConfig(file, process.stdout, process.stderr);
    });
  dfsync
    .command('demo')
    .description(
      'Run a demonstration network: four instances of two sites on loopback, in a temporary directory, until Ctrl-C.',
    )
    .option('--keep', 'keep the directory at the end')
    .option('--files <n>', 'put so many small files more into the first instance: a first pull to watch', integer)
    .action(async (flags: { keep?: boolean; files?: number }) => {
      const { demo } = await import('./cli/demo.ts');
      process.exitCode = await demo(process.stdout, stopSignal(), flags);
    });
  addOperatorCommands(dfsync);
  return dfsync;
}

async function run({ roleid, server, logLevel, logFormat, ...options }: RunFlags): Promise<void> {
  const [{ App }, { createLogger }] = await Promise.all([import('./app.ts'), import('./ops/log.ts')]);
  const stop = stopSignal();
  const log = createLogger({ level: logLevel, ...(logFormat && { format: logFormat }) });
  let deadline: NodeJS.Timeout | undefined;
  stop.addEventListener('abort', () => {
    log.info('stopping', { signal: String(stop.reason) });
    deadline = setTimeout(() => {
      log.error('stop cut off', {
        reason: `it took longer than ${STOP_AT_MOST_MS} ms; nothing is lost, the journal has it`,
      });
      process.exit(1);
    }, STOP_AT_MOST_MS);
  });
  const unknown = Object.keys(process.env).filter(name => name.startsWith('DFSYNC_') && !KNOWN_ENV.has(name));
  if (unknown.length > 0) log.warn('environment variables that dfsync does not know', { unknown });
  try {
    const identity = roleid !== undefined ? { roleid } : { server: server ?? hostname() };
    await new App({ ...options, identity }, log).run(stop);
    log.info('stopped');
    process.exitCode = 0;
  } catch (error) {
    process.exitCode = error instanceof Fatal ? error.exitCode : 1;
    if (error instanceof Fatal && !error.isFault) process.stderr.write(`dfsync: ${error.message}\n`);
    else log.error('failed; this is a fault of dfsync, please report it', { error, stack: stackOf(error) });
  } finally {
    clearTimeout(deadline);
    log.flush();
  }
}

function stackOf(error: unknown): string | undefined {
  const at = error instanceof Fatal ? error.cause : error;
  return at instanceof Error ? at.stack : undefined;
}

/** A second signal within so long is the first one told twice: npm passes on what the terminal has sent already. */
const SAME_SIGNAL_MS = 1_000;

/** Aborts at the first SIGTERM or SIGINT; another one later ends the process at once. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  let stoppedAt = 0;
  for (const [name, number] of [
    ['SIGTERM', 15],
    ['SIGINT', 2],
  ] as const) {
    process.on(name, () => {
      if (!stop.signal.aborted) stoppedAt = performance.now();
      else if (performance.now() - stoppedAt > SAME_SIGNAL_MS) process.exit(128 + number);
      stop.abort(name);
    });
  }
  return stop.signal;
}

/** What the command line says beats the environment: who this instance is, and switches that an environment can say no to. */
function settled(flags: RunFlags, command: Command): RunFlags {
  const source = (name: string) => command.getOptionValueSource(name);
  const { roleid, server, ...rest } = flags;
  const both = roleid !== undefined && server !== undefined;
  if (both && source('roleid') === source('server'))
    command.error('error: say either --roleid or --server, not both', { exitCode: EXIT_USAGE });
  const byServer = server !== undefined && (!both || source('server') === 'cli');
  const off = (name: string, env: string) =>
    source(name) === 'env' && /^(|0|no|off|false)$/i.test(process.env[env] ?? '');
  return {
    ...rest,
    ...(byServer ? { server } : roleid !== undefined && { roleid }),
    insecure: (flags.insecure ?? false) && !off('insecure', 'DFSYNC_INSECURE'),
    requireVolume: (flags.requireVolume ?? false) && !off('requireVolume', 'DFSYNC_REQUIRE_VOLUME'),
    newIdentity: (flags.newIdentity ?? false) && !off('newIdentity', 'DFSYNC_NEW_IDENTITY'),
  };
}

function integer(raw: string): number {
  if (!/^\d+$/.test(raw)) throw new InvalidArgumentError('it is a whole number.');
  return Number(raw);
}

function hostPort(raw: string): { host: string; port: number } {
  const { host, port } = splitAddress(raw.includes(':') ? raw : `:${raw}`);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('it is HOST:PORT, such as 127.0.0.1:7420.');
  return { host: host || '0.0.0.0', port };
}

if (import.meta.main) await main(process.argv.slice(2));
