/** The commands that call a running instance, as the command line has them. */
import process from 'node:process';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../config/duration.ts';
import { flag } from './flag.ts';
import { localUrl } from './local-url.ts';
import { parseSince, type Since } from './since.ts';

/** Exit code for a command line that makes no sense. */
const EXIT_USAGE = 2;
/** Port of the operators' API. */
export const OPS_PORT = 9420;
/** How long `wait` waits unless told otherwise. */
const WAIT_MS = 60_000;

/** Adds them. */
export function addOperatorCommands(dfsync: Command): void {
  const streams = { out: process.stdout, err: process.stderr };
  const url = () => {
    const local = localUrl(process.env, OPS_PORT);
    return flag('--url <url>', 'where the instance answers operators (its --ops-listen)', 'DFSYNC_URL').default(local);
  };
  const certificate = () =>
    flag('--ops-tls-cert <file>', 'the certificate that it shows, to trust by whatever name', 'DFSYNC_OPS_TLS_CERT');
  const calling = (command: Command) =>
    command
      .addOption(url())
      .addOption(certificate())
      .addOption(
        flag(
          '--admin-token-file <file>',
          'bearer tokens of that instance, the first is sent',
          'DFSYNC_ADMIN_TOKEN_FILE',
        ),
      )
      .option('--json', 'tell the answer as JSON')
      .addHelpText('after', '\nExit codes: 0 done, 1 refused, not reached or not all done, 2 bad usage.');
  const looking = (command: Command) =>
    command
      .addOption(url())
      .addOption(certificate())
      .addOption(
        flag(
          '--read-token-file <file>',
          'bearer tokens of that instance, the first is sent; from beyond its host',
          'DFSYNC_READ_TOKEN_FILE',
        ),
      )
      .addOption(flag('--admin-token-file <file>', 'the same of those who may act, too', 'DFSYNC_ADMIN_TOKEN_FILE'))
      .option('--json', 'tell the answer as JSON');
  // Each command is loaded when it is called: all of them, with what they need, take a start four times as long.
  const ends = async <T>(module: Promise<T>, command: (loaded: T) => Promise<number>) => {
    process.exitCode = await command(await module);
  };
  looking(dfsync.command('status'))
    .description('Say how an instance and its domains are.')
    .action(flags => ends(import('./status.ts'), ({ status }) => status(flags, streams)));
  looking(dfsync.command('peers'))
    .description('Say whom an instance pulls from, and how far both are with one another.')
    .action(flags => ends(import('./peers.ts'), ({ peers }) => peers(flags, streams)));
  looking(dfsync.command('mismatches'))
    .description('List what is not everywhere as it should be, as an instance sees it: since when, and why.')
    .option('--domain <name>', 'of one domain (default: of all)')
    .action(flags => ends(import('./mismatches.ts'), ({ mismatches }) => mismatches(flags, streams)));
  looking(dfsync.command('why'))
    .description(
      'Say what every instance has at a path, which wins by what rule, and what keeps it from being everywhere.',
    )
    .argument('<path>', 'DIRECTORY/PATH as below :SYNC, or a path in the domain that --domain names')
    .option('--domain <name>', 'the domain')
    .action((path: string, flags) => ends(import('./why.ts'), ({ why }) => why(path, flags, streams)));
  looking(dfsync.command('verify'))
    .description('Scan an instance afresh and compare it with all its peers.')
    .option('--domain <name>', 'one domain (default: all)')
    .option('--content', 'read all files everywhere and compare their bytes, too; takes an admin token')
    .addHelpText('after', '\nExit codes: 0 equal, 1 different or not all could be compared, 2 bad usage.')
    .action(flags => ends(import('./verify.ts'), ({ verify }) => verify(flags, streams)));
  looking(dfsync.command('wait'))
    .description(
      'Wait until an instance has everything of its peers, and they have everything of it: of its site, and of other sites the gateways where it is one.',
    )
    .option('--domain <name>', 'one domain (default: all)')
    .addOption(
      new Option('--timeout <time>', 'how long at most, such as 30s or 5m')
        .argParser(durationOf)
        .default(WAIT_MS, `${WAIT_MS / 1000}s`),
    )
    .addHelpText('after', '\nExit codes: 0 in sync, 1 not so in time, 2 bad usage.')
    .action(flags => ends(import('./wait.ts'), ({ wait }) => wait(flags, streams)));
  calling(dfsync.command('pause'))
    .description('Have an instance pull nothing until resumed, over restarts too; it goes on serving.')
    .option('--domain <name>', 'of one domain (default: of all)')
    .action(flags => ends(import('./pause.ts'), ({ pause }) => pause(flags, streams)));
  calling(dfsync.command('resume'))
    .description('Have a paused instance pull again.')
    .option('--domain <name>', 'of one domain (default: of all)')
    .action(flags => ends(import('./pause.ts'), ({ resume }) => resume(flags, streams)));
  calling(dfsync.command('rescan'))
    .description('Have an instance look at everything on its disk again, and wait until it has.')
    .option('--domain <name>', 'of one domain (default: of all)')
    .action(flags => ends(import('./rescan.ts'), ({ rescan }) => rescan(flags, streams)));
  dfsync
    .command('healthcheck')
    .description("Say by the exit code whether the instance of this host is alive: for a container's HEALTHCHECK.")
    .addOption(url())
    .addHelpText('after', '\nExit codes: 0 alive, 1 not, 2 bad usage.')
    .action(flags => ends(import('./healthcheck.ts'), ({ healthcheck }) => healthcheck(flags, streams)));
  calling(dfsync.command('release'))
    .description('Let the deletions that an instance holds go out to the other servers.')
    .requiredOption('--domain <name>', 'the domain')
    .action(flags => ends(import('./release.ts'), ({ release }) => release(flags, streams)));
  calling(dfsync.command('accept-remote'))
    .description('Where an instance is a stale replica: move to its trash what its peers have no trace of.')
    .requiredOption('--domain <name>', 'the domain')
    .action(flags => ends(import('./accept.ts'), ({ accept }) => accept('remote', flags, streams)));
  calling(dfsync.command('accept-local'))
    .description('Where an instance is a stale replica: let what it has go out to the other servers.')
    .requiredOption('--domain <name>', 'the domain')
    .action(flags => ends(import('./accept.ts'), ({ accept }) => accept('local', flags, streams)));
  calling(dfsync.command('undo'))
    .description('Bring back what was deleted or replaced on an instance, from its trash, as a change that spreads.')
    .requiredOption('--domain <name>', 'the domain')
    .addOption(
      new Option('--since <time>', 'everything since a time (2026-03-01T12:00) or for a while (10m)').argParser(
        sinceOf,
      ),
    )
    .addOption(
      new Option('--held', 'only deletions that are held: other servers bring what was deleted').conflicts('since'),
    )
    .option('--dry-run', 'only list what would come back')
    .action((flags, command: Command) => {
      if (!flags.since && !flags.held) command.error('error: say --since TIME, or --held', { exitCode: EXIT_USAGE });
      return ends(import('./undo.ts'), ({ undo }) => undo(flags, streams));
    });
  const trash = dfsync.command('trash').description("What lies in an instance's trash.");
  calling(trash.command('list'))
    .description('List it, newest first.')
    .option('--domain <name>', 'of one domain (default: of all)')
    .action(flags => ends(import('./trash.ts'), ({ listTrash }) => listTrash(flags, streams)));
  calling(trash.command('restore'))
    .description('Bring a path back, and what is below it as far as that does not live, as a change that spreads.')
    .argument('<path>', 'the path in its domain')
    .requiredOption('--domain <name>', 'the domain')
    .option('--item <stamp.writer>', 'which of several, as the list has it (default: the newest)')
    .option('--dry-run', 'only list what would come back')
    .action((path: string, flags) =>
      ends(import('./trash.ts'), ({ restoreFromTrash }) => restoreFromTrash(path, flags, streams)),
    );
  calling(dfsync.command('redate'))
    .description(
      "Give an instance's own changes that are dated in the future a date of now: after its clock was put right.",
    )
    .option('--domain <name>', 'of one domain (default: of all)')
    .action(flags => ends(import('./redate.ts'), ({ redate }) => redate(flags, streams)));
}

function sinceOf(raw: string): Since {
  const since = parseSince(raw);
  if (!since) throw new InvalidArgumentError('it is a time, such as 2026-03-01T12:00, or a while, such as 10m.');
  return since;
}

function durationOf(raw: string): number {
  const ms = parseDuration(raw);
  if (ms === undefined) throw new InvalidArgumentError('it is a time, such as 30s or 5m.');
  return ms;
}
