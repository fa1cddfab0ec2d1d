// The last two lines of a test run: what happened, in words that a person and a script read alike, and whether real
// hosts took part. With FLEET_TEST_REQUIRE_LAB=1 a run without them fails.
import type { Reporter, TestModule } from 'vitest/node'

const LAB_PROJECT = 'lab'

// vitest loads a reporter file by its default export.
// eslint-disable-next-line no-restricted-syntax
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const all = count(modules)
    const brokenFiles = modules.filter((module) => module.state() === 'failed' && count([module]).failed === 0).length
    const failed = all.failed + brokenFiles + unhandledErrors.length
    console.log(`${all.passed} passed, ${failed} failed, ${all.skipped} skipped`)

    const labModules = modules.filter((module) => module.project.name === LAB_PROJECT)
    if (labModules.length === 0 && process.env['FLEET_TEST_REQUIRE_LAB'] !== '1') return
    const lab = count(labModules)
    const ran = lab.passed + lab.failed
    if (lab.skipped === 0 && ran > 0) console.log(`real-host tests ran: ${ran}`)
    else if (ran + lab.skipped === 0) console.log('NO REAL-HOST TEST WAS THERE TO RUN')
    else console.log(`REAL-HOST TESTS WERE SKIPPED: ${lab.skipped} of ${ran + lab.skipped}; the reason stands above`)
    if (process.env['FLEET_TEST_REQUIRE_LAB'] === '1' && (lab.skipped > 0 || ran === 0)) process.exitCode = 1
  }
}

function count(modules: readonly TestModule[]): { passed: number; failed: number; skipped: number } {
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state !== 'pending') total[state] += 1
    }
  }
  return total
}
