// The command line: names, options, help. What a command does is loaded only when it is run, so that --help stays quick.
import { Command, CommanderError } from 'commander'
import type { CommonOptions, NodeOptions } from './options.ts'
import type { CheckCommandOptions } from './commands/check.ts'
import type { DemoOptions } from './commands/demo.ts'
import type { ControlOptions, ServeOptions } from './commands/dispatcher.ts'
import type { LedgerOptions, ListOptions, RetryOptions } from './commands/ids.ts'
import type { ExecCommandOptions } from './commands/exec.ts'
import type { InitOptions } from './commands/init.ts'
import type { LockReleaseOptions } from './commands/lock.ts'
import type { PushCommandOptions } from './commands/push.ts'
import type { RollbackCommandOptions } from './commands/rollback.ts'
import type { StartCommandOptions } from './commands/start.ts'
import type { StatusCommandOptions } from './commands/status.ts'
import type { StopCommandOptions } from './commands/stop.ts'
import type { UninstallCommandOptions } from './commands/uninstall.ts'
import type { PasswordOptions } from './password.ts'
import { VERSION } from './version.ts'

/** Sets the exit code that the process will end with. */
type Finish = (code: number) => void

export function createProgram(finish: Finish): Command {
  const program = new Command('fleet')
    .description('Move huge lists of work over many machines by SSH, safely.')
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(fleet --help shows the commands)')
    .configureHelp({ showGlobalOptions: true })
  addNodeCommands(program, finish)
  addReleaseCommands(program, finish)
  addLockCommands(program, finish)
  addUninstallCommand(program, finish)
  addLedgerCommands(program, finish)
  addDispatcherCommands(program, finish)
  common(program.command('init [dir]').description('write fleet.yml and inventory.yml, commented, ready to edit'))
    .option('--job <name>', 'name of the job; the folder’s name by default')
    .option('--schemas', 'only renew the JSON Schemas in .fleet/schema, which editors check both files with')
    .action(async (dir: string | undefined, options: InitOptions) => {
      const { init } = await import('./commands/init.ts')
      finish(await init(dir ?? '.', options))
    })
  common(program.command('demo').description('the whole job on this machine, nothing else needed'))
    .option('--users <n>', 'how many users to move', '300')
    .option('--keep', 'leave the demo’s folder behind for a look')
    .option('--curl <file>', 'what the nodes use as curl, where this machine has none')
    .action(async (options: DemoOptions) => {
      const { demo } = await import('./commands/demo.ts')
      finish(await demo(options))
    })
  program
    .command('completion <shell>')
    .summary('print what makes bash, zsh or fish complete commands and options')
    .description('print what makes bash, zsh or fish complete commands and options: eval "$(fleet completion bash)"')
    .action(async (shell: string) => {
      const { completion } = await import('./commands/completion.ts')
      finish(completion(shell, program))
    })
  return program
}

function addNodeCommands(program: Command, finish: Finish): void {
  onNodes(
    program.command('check').description('connect to every node; report facts and problems, each with its remedy'),
  )
    .option('--deep', 'also hash every file of every release, of the kit and of the runtime there')
    .action(async (options: CheckCommandOptions) => {
      const { check } = await import('./commands/check.ts')
      finish(await check(options))
    })
  inBatches(program.command('start').description('start the dispatcher here and the workers of every slot'))
    .option('--slots <n>', 'slots per node, instead of what fleet.yml and the inventory say')
    .option(
      '--insecure-http',
      'let the dispatcher listen off loopback without TLS: anybody on the way can read the tokens',
    )
    .action(async (options: StartCommandOptions) => {
      const { start } = await import('./commands/start.ts')
      finish(await start(options))
    })
  inBatches(program.command('stop').description('drain the slots: running IDs are finished first'))
    .option('--now', 'end the workers: TERM, then KILL after worker.grace; their IDs are handed back')
    .option('--timeout <duration>', 'how long to wait for running IDs', '10m')
    .option('--dispatcher', 'stop the dispatcher too, after the workers')
    .action(async (options: StopCommandOptions) => {
      const { stop } = await import('./commands/stop.ts')
      finish(await stop(options))
    })
  onNodes(program.command('status').description('one table: a row per node, totals, dispatcher'))
    .option('-w, --watch', 'draw it again every two seconds')
    .action(async (options: StatusCommandOptions) => {
      const { status } = await import('./commands/status.ts')
      finish(await status(options))
    })
  onNodes(
    program
      .command('exec <command...>')
      .usage('[options] -- COMMAND [ARGUMENT...]')
      .summary('run a command everywhere; equal outputs are shown once')
      .showHelpAfterError('(options of fleet come first, then -- and the command: fleet exec --limit a -- ls -l)')
      .description(
        "run a command everywhere; equal outputs are shown once. Several words are a program and its arguments, which no shell sees; one word is a line for sh on the node: fleet exec -- 'df -h | tail -1'",
      ),
  )
    .option('--stream', 'show lines as they come, each with its node')
    .option('--timeout <duration>', 'give a node up after this', '0')
    .option('--stdin <file>', 'what the command reads on every node; - is the input of fleet')
    .option('--out <dir>', 'write the output of each node to DIR/NODE.out and DIR/NODE.err')
    .action(async (words: [string, ...string[]], options: ExecCommandOptions) => {
      const { exec } = await import('./commands/exec.ts')
      finish(await exec(words, options))
    })
  onNodes(
    program.command('hosts').description('what was understood of the inventory; -v says where each value came from'),
  ).action(async (options: NodeOptions) => {
    const { hosts } = await import('./commands/hosts.ts')
    finish(await hosts(options))
  })
}

function addReleaseCommands(program: Command, finish: Finish): void {
  rollingOut(
    program.command('push [file...]').description('build the release, put it on every node, verify, switch atomically'),
  )
    .option('--verify', 'hash everything that is on the nodes already, and mend what is bad')
    .action(async (files: string[], options: PushCommandOptions) => {
      const { push } = await import('./commands/push.ts')
      finish(await push(files, options))
    })
  rollingOut(
    program
      .command('rollback [release]')
      .summary('switch back; the previous release by default')
      .description(
        'switch back to a release that the nodes hold: the previous one, or the one whose digest begins with RELEASE; nothing is uploaded',
      ),
  )
    .option('--list', 'show which releases there are, and change nothing')
    .action(async (release: string | undefined, options: RollbackCommandOptions) => {
      const { rollback } = await import('./commands/rollback.ts')
      finish(await rollback(release, options))
    })
}

function addUninstallCommand(program: Command, finish: Finish): void {
  changing(
    program
      .command('uninstall')
      .summary('remove everything that fleet put on the nodes for this job')
      .description(
        'remove everything that fleet put on the nodes for this job: cron lines, supervisors, files; a node where slots run is refused. Then look again and say what is left. What is on this machine stays',
      ),
  )
    .option('--now', 'end the slots first: TERM, then KILL after worker.grace')
    .action(async (options: UninstallCommandOptions) => {
      const { uninstall } = await import('./commands/uninstall.ts')
      finish(await uninstall(options))
    })
}

function addLockCommands(program: Command, finish: Finish): void {
  const lock = program.command('lock').description('the operator lock: one operator changes the nodes at a time')
  onNodes(
    lock.command('status').description('who holds it on which nodes, since when, what for; changes nothing'),
  ).action(async (options: NodeOptions) => {
    const { lockStatus } = await import('./commands/lock.ts')
    finish(await lockStatus(options))
  })
  onNodes(
    lock
      .command('release')
      .summary('end a lock that a dead run left behind')
      .description(
        'end a lock that a dead run left behind: yours, on this machine. One that nobody renews ends by itself within a minute',
      ),
  )
    .option('--force', 'end anybody’s, also of a run that is alive: from then on the nodes refuse it')
    .action(async (options: LockReleaseOptions) => {
      const { lockRelease } = await import('./commands/lock.ts')
      finish(await lockRelease(options))
    })
}

function addLedgerCommands(program: Command, finish: Finish): void {
  const ids = program.command('ids').description('the ledger: import, look, try again')
  ledger(
    ids
      .command('add <file>')
      .description('import IDs from a file or - (one a line, or NDJSON {"id","payload"}); adding twice is harmless'),
  ).action(async (file: string, options: LedgerOptions) => {
    const { addIds } = await import('./commands/ids.ts')
    finish(await addIds(file, options))
  })
  ledger(ids.command('list').description('IDs in the order of their import'))
    .option('--state <state>', 'pending, leased, done or parked')
    .option('--after <id>', 'go on after this ID')
    .option('--limit-ids <n>', 'at most so many', '1000')
    .action(async (options: ListOptions) => {
      const { listIds } = await import('./commands/ids.ts')
      finish(await listIds(options))
    })
  ledger(ids.command('show <id>').description('one ID and its whole history')).action(
    async (id: string, options: LedgerOptions) => {
      const { showId } = await import('./commands/ids.ts')
      finish(await showId(id, options))
    },
  )
  ledger(ids.command('retry [id...]').description('make parked IDs pending again'))
    .option('--all', 'every parked ID')
    .action(async (list: string[], options: RetryOptions) => {
      const { retryIds } = await import('./commands/ids.ts')
      finish(await retryIds(list, options))
    })
  ledger(ids.command('export').description('NDJSON of every ID, on stdout')).action(async (options: LedgerOptions) => {
    const { exportIds } = await import('./commands/ids.ts')
    finish(await exportIds(options))
  })
}

function addDispatcherCommands(program: Command, finish: Finish): void {
  const dispatcher = program.command('dispatcher').description('the service that hands out IDs')
  common(dispatcher.command('serve').description('serve in the foreground; prints one JSON line when ready'))
    .option('--job <name>', 'without fleet.yml: the name of the job')
    .option('--ledger <file>', 'the ledger; its folder also holds the tokens when there is no fleet.yml')
    .option('--listen <address:port>', 'port 0 takes any free one')
    .option('--lease <duration>', 'how long a lease is good for')
    .option('--insecure-http', 'listen off loopback without TLS')
    .option('--supervised', 'exit 100 when the configuration is wrong')
    .action(async (options: ServeOptions) => {
      const { serve } = await import('./commands/dispatcher.ts')
      finish(await serve(options))
    })
  common(dispatcher.command('start').description('start it on this machine, supervised'))
    .option('--insecure-http', 'listen off loopback without TLS')
    .action(async (options: ControlOptions) => {
      const { startCommand } = await import('./commands/dispatcher.ts')
      finish(await startCommand(options))
    })
  common(dispatcher.command('stop').description('stop it; workers wait until it is back')).action(
    async (options: CommonOptions) => {
      const { stopCommand } = await import('./commands/dispatcher.ts')
      finish(await stopCommand(options))
    },
  )
  common(dispatcher.command('status').description('counters, rate, ETA')).action(async (options: CommonOptions) => {
    const { statusCommand } = await import('./commands/dispatcher.ts')
    finish(await statusCommand(options))
  })
  for (const verb of ['pause', 'resume'] as const) {
    common(
      dispatcher.command(verb).description(verb === 'pause' ? 'hand out nothing new' : 'hand out IDs again'),
    ).action(async (options: CommonOptions) => {
      const { pauseCommand } = await import('./commands/dispatcher.ts')
      finish(await pauseCommand(options, verb === 'pause'))
    })
  }
}

function common(command: Command): Command {
  return command
    .option('-c, --config <file>', 'the job', 'fleet.yml')
    .option('--json', 'one JSON document on stdout')
    .option('-v, --verbose', 'say more, also about errors')
    .option('--no-color', 'no colours (or set NO_COLOR)')
}

/** With --dry-run the others reach no node. */
const LOOKS_IN_DRY_RUN = new Set(['push', 'rollback', 'uninstall'])

function onNodes(command: Command): Command {
  // Before the command begins, and so before live progress is drawn and anything is dialled.
  command.hook('preAction', async () => {
    const options: NodeOptions & PasswordOptions = command.opts()
    if ((options.dryRun === true && !LOOKS_IN_DRY_RUN.has(command.name())) || command.name() === 'hosts') return
    if (options.askPassword === undefined && options.passwordEnv === undefined && options.passwordFd === undefined)
      return
    const { passwordFrom } = await import('./password.ts')
    command.setOptionValue('password', await passwordFrom(options))
  })
  return common(command)
    .option('--hosts <file|names>', 'an inventory, or names: a,b,c')
    .option('--limit <pattern>', 'only these nodes: names, groups, globs, ranges, a:&b:!c, @file')
    .option('--parallel <n>', 'nodes at a time; 1 = serially')
    .option(
      '--ask-password',
      'log in with a password: asked once, and sent once at most to each node and hop of the run',
    )
    .option('--password-env <name>', 'the same, out of this variable of the environment')
    .option('--password-fd <n>', 'the same, the first line of this descriptor: --password-fd 3 3<FILE')
    .option('--accept-new', 'record host keys that are not known yet')
    .option('--known-hosts <file>', 'instead of ~/.ssh/known_hosts')
    .option('-F, --ssh-config <file>', 'instead of ~/.ssh/config and /etc/ssh/ssh_config; none = read none')
    .option('--dry-run', 'say what would be done, and do nothing')
}

/** For commands that take the operator lock. */
function changing(command: Command): Command {
  return onNodes(command).option('--lock-wait <duration>', 'how long to wait for another operator to be done', '0')
}

/** For commands that need not change all nodes at once. */
function inBatches(command: Command): Command {
  return changing(command)
    .option('--batch <sizes>', 'nodes one batch after the other: 1,10%,100%; the last size repeats')
    .option('--max-fail <n|p%>', 'stop when more nodes have failed; 0 with --batch, else none')
}

/** For commands that give nodes another release. */
function rollingOut(command: Command): Command {
  return inBatches(command)
    .option(
      '--canary <pattern>',
      'these nodes first, as a batch of their own, and no failure is borne; may be repeated',
      collect,
    )
    .option('--pause <duration>', 'wait so long between batches')
    .option('--ask', 'ask on the terminal before every further batch')
    .option('--restart', 'drain and restart the slots of each batch, so that they run the new release')
    .option('--timeout <duration>', 'with --restart: how long to wait for running IDs', '10m')
    .option('--auto-rollback', 'stop when release.check fails, or slots do not start again, and switch that batch back')
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

function ledger(command: Command): Command {
  return common(command)
    .option('--url <url>', 'a dispatcher other than that of fleet.yml')
    .option('--token-file <file>', 'the operator’s token for --url')
}

/** Commander's own endings: help and version are success, the rest is wrong usage. */
export function exitCodeOfCommander(error: unknown): number | undefined {
  if (!(error instanceof CommanderError)) return undefined
  return error.exitCode === 0 ? 0 : 2
}
