// A branded string can be made only by the parse function beside it, at the edge, so that the rest of the code cannot
// mix up an ID with a node name. Brands exist only for the compiler.

declare const brand: unique symbol

export type Brand<Value, Name extends string> = Value & { readonly [brand]: Name }
