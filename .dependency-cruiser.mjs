// The layout of the house as a rule that fails the build: which room may import which, which packages a room may know,
// and that the only door of a room is its index.ts. docs/architecture.md explains the rooms.

/** room -> [rooms that it may import, packages and guarded builtins that it may import] */
const ROOMS = {
  core: [[], []],
  config: [['core'], ['yaml', 'zod']],
  ssh: [['core'], ['ssh2']],
  node: [['core'], []],
  protocol: [['core'], ['undici', 'zod']],
  ledger: [['core'], ['node:sqlite']],
  dispatcher: [['core', 'protocol', 'ledger'], ['fastify']],
  copy: [['core', 'protocol'], ['undici']],
  fleet: [['core', 'config', 'ssh', 'node', 'protocol'], []],
  demo: [['core', 'config', 'ssh', 'node', 'fleet', 'protocol', 'ledger', 'dispatcher'], []],
  cli: [['core', 'config', 'ssh', 'node', 'protocol', 'ledger', 'dispatcher', 'copy', 'fleet', 'demo'], ['commander']],
}

// Builtins that belong to one room, although no package has to be installed for them.
const GUARDED_BUILTINS = ['node:sqlite']

const rooms = Object.keys(ROOMS)

const roomRules = Object.entries(ROOMS).flatMap(([room, [mayImport, packages]]) => [
  {
    name: `${room}-imports-only-its-rooms`,
    comment: `${room}/ may import: ${mayImport.join(', ') || 'no other room'}. Move the code, or invert the dependency.`,
    severity: 'error',
    from: { path: `^src/${room}/` },
    to: { path: '^src/', pathNot: `^src/(${[room, ...mayImport].join('|')})/` },
  },
  {
    name: `${room}-imports-only-its-packages`,
    comment: `${room}/ may import these packages: ${packages.join(', ') || 'none'}. Ask the room that owns the package.`,
    severity: 'error',
    from: { path: `^src/${room}/` },
    to: { path: 'node_modules/', pathNot: `node_modules/(@types/)?(${packages.join('|') || '-'})/` },
  },
  {
    name: `${room}-imports-only-its-builtins`,
    comment: `Another room owns this builtin: ${GUARDED_BUILTINS.join(', ')}.`,
    severity: 'error',
    from: { path: `^src/${room}/` },
    to: {
      path: `^(${GUARDED_BUILTINS.filter((builtin) => !packages.includes(builtin)).join('|') || '-'})$`,
    },
  },
])

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...roomRules,
    {
      name: 'only-known-rooms',
      comment: `A file of src/ lives in one of the rooms: ${rooms.join(', ')}.`,
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(${rooms.join('|')})/` },
      to: {},
    },
    {
      name: 'through-the-door',
      comment: 'Another room is imported through its index.ts only.',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/[^/]+/', pathNot: '^src/($1/|[^/]+/index\\.ts$)' },
    },
    {
      name: 'no-circles',
      comment: 'Files that need each other are one idea, or a third one is missing.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'nothing-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'src-stands-alone',
      comment: 'What is published does not need tests, benchmarks or development packages.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|examples)/' },
    },
    {
      name: 'no-development-packages',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    // Type imports count: a room that needs another one's types depends on it.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
