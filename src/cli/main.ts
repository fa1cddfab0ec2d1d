// The entry: parses the command line, runs the command, and alone decides the exit code of the process.
const MINIMUM_NODE = 24

async function main(): Promise<number> {
  if (Number.parseInt(process.versions.node, 10) < MINIMUM_NODE) {
    process.stderr.write(
      `fleet needs Node.js ${MINIMUM_NODE} or newer, this is ${process.versions.node}. Install a newer one, or run npm ci here: it brings one along.\n`,
    )
    return 2
  }
  // Set by bin/fleet for this process, and not for those that it starts.
  delete process.env['NODE_COMPILE_CACHE']
  if (process.env['MALLOC_ARENA_MAX'] === '2') delete process.env['MALLOC_ARENA_MAX']
  const { startResolverThreads } = await import('./resolver-threads.ts')
  await startResolverThreads()
  const { createProgram, exitCodeOfCommander } = await import('./program.ts')
  let exitCode = 0
  const program = createProgram((code) => {
    exitCode = code
  })
  try {
    await program.parseAsync()
    return exitCode
  } catch (error) {
    const usage = exitCodeOfCommander(error)
    if (usage !== undefined) return usage
    return report(error)
  }
}

async function report(error: unknown): Promise<number> {
  const [{ toFleetError }, { exitCodeOf }, { printError }, { createOutput }] = await Promise.all([
    import('../core/index.ts'),
    import('./exit-code.ts'),
    import('./output/errors.ts'),
    import('./output/output.ts'),
  ])
  const isVerbose = process.argv.includes('-v') || process.argv.includes('--verbose')
  const output = createOutput({ json: process.argv.includes('--json'), color: !process.argv.includes('--no-color') })
  const fleetError = toFleetError(error)
  printError(output, fleetError, isVerbose || fleetError.code === 'FLEET_CORE_UNEXPECTED')
  output.json({
    schema: 'fleet.error/1',
    error: { code: fleetError.code, message: fleetError.message, remedy: fleetError.remedy },
  })
  return exitCodeOf(error)
}

// A closed pipe (`fleet status | head`) is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
})
// And when nobody reads what is said beside the results, the work goes on.
process.stderr.on('error', () => undefined)

process.exitCode = await main()
