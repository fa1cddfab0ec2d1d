// Two projects, one after the other: `fast` is everything that runs anywhere in seconds, `lab` is what needs real hosts,
// one file at a time. The order is said with numbers above 0, as vitest puts single-worker projects of order 0 at the end.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    globalSetup: ['test/support/no-leaked-processes.ts'],
    reporters: ['default', './test/support/closing-line.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/lab/**'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          // Most of these tests wait for other processes, so no core is left out (vitest's own default leaves one).
          maxWorkers: '100%',
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          // `npm run test:long`
          exclude: process.env['FLEET_TEST_LONG'] === '1' ? [] : ['test/lab/**/*.long.test.ts'],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
