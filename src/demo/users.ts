// The users of the demo: real files of the kinds that break migrations. The same seed gives the same bytes.
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const LARGE_BYTES = 5 * 1024 * 1024
/** Every so many users own a 5 MB file. */
const LARGE_EVERY = 30

const ODD_IDS = [
  "o'brien",
  'user with spaces',
  'Ünïcödé',
  '山田太郎',
  'a&b=c',
  '100%',
  'semi;colon',
  '$HOME',
  '"quoted"',
  '-dash',
]
const ODD_NAMES = [
  'summer 2019.txt',
  "it's.txt",
  'quote".txt',
  'фото.txt',
  '写真 01.txt',
  'a&b?c#d.txt',
  '100%.txt',
  'back\\slash.txt',
  'nested/deeper/note.txt',
]

// A valid 1 x 1 PNG; what follows makes every image different, as decoders ignore bytes after IEND.
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

/** Writes `count` users below `folder`, one directory each, and returns their IDs. */
export async function createUsers(folder: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => ODD_IDS[index] ?? `user${String(index + 1).padStart(4, '0')}`)
  for (const [index, id] of ids.entries()) {
    for (const [name, content] of filesOf(id, index)) {
      const file = join(folder, id, name)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, content)
    }
  }
  return ids
}

/** How many files users have beyond the three that everybody has: most have few, some many. */
const MORE_FILES = [0, 3, 1, 8, 2, 0, 5, 1, 13, 2, 7, 3, 1, 11, 4, 9, 6, 17]

/** 3 to 20 files: text, images, an empty one, odd names, and for some users a large one. */
function filesOf(id: string, index: number): [name: string, content: Buffer][] {
  const files: [string, Buffer][] = [
    ['profile.txt', Buffer.from(`This is ${id} and nobody else.\n`)],
    ['empty.dat', Buffer.alloc(0)],
    ['photos/portrait.png', Buffer.concat([PNG, bytes(`${id}/portrait`, 400)])],
  ]
  const more = MORE_FILES[index % MORE_FILES.length] ?? 0
  for (let number = 0; number < more; number++) {
    const odd = ODD_NAMES[(index + number) % ODD_NAMES.length]
    if (number % 3 === 0 && odd !== undefined) files.push([odd, Buffer.from(`${id} wrote ${odd}\n`)])
    else
      files.push([
        `photos/${String(number).padStart(3, '0')}.png`,
        Buffer.concat([PNG, bytes(`${id}/${number}`, 2000 + number * 500)]),
      ])
  }
  if (index % LARGE_EVERY === 0) files.push(['video.bin', bytes(`${id}/video`, LARGE_BYTES)])
  // Two odd names may meet in one user: the later one stands.
  return [...new Map(files)]
}

function bytes(seed: string, sizeBytes: number): Buffer {
  const block = createHash('sha512').update(seed).digest()
  return Buffer.alloc(sizeBytes, block)
}
