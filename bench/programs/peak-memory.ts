// Loaded by --import into a process whose memory is of interest: when it ends, the most that it ever held is written, in KiB, to
// the file that FLEET_BENCH_PEAK_FILE names. Nothing else about the process changes.
import { writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

const file = process.env['FLEET_BENCH_PEAK_FILE']
if (isMainThread && file !== undefined) {
  process.on('exit', () => writeFileSync(file, String(process.resourceUsage().maxRSS)))
}
