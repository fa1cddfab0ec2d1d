// Configuration is decided once; whoever changes it later has a bug, and hears of it at once.

/** Freezes a tree of plain objects and arrays, in place. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const child of Object.values(value)) deepFreeze(child)
  return value
}
