/**
 * Durable, typed state for Effect: the contract, the memory backend, typed state.
 *
 * @since 0.1.0
 */
export * as MemoryStore from "./backends/memory/MemoryStore.ts"
export * as Cached from "./coordination/cached/Cached.ts"
export * as Lock from "./coordination/lock/Lock.ts"
export * as Codec from "./state/codec/Codec.ts"
export * as KeyRing from "./state/codec/KeyRing.ts"
export * as Collection from "./state/collection/Collection.ts"
export * as History from "./state/history/History.ts"
export * as Sessions from "./state/sessions/Sessions.ts"
export * as Atomic from "./store/Atomic.ts"
export * as Backend from "./store/Backend.ts"
export * as Change from "./store/Change.ts"
export * as Entry from "./store/Entry.ts"
export * as Json from "./store/Json.ts"
export * as Key from "./store/Key.ts"
export * as KeyRange from "./store/KeyRange.ts"
export * as Modification from "./store/Modification.ts"
export * as Namespace from "./store/Namespace.ts"
export * as PageCursor from "./store/PageCursor.ts"
export * as Pattern from "./store/Pattern.ts"
export * as StateError from "./store/StateError.ts"
export * as StateStore from "./store/StateStore.ts"
export * as Telemetry from "./store/Telemetry.ts"
export * as Ttl from "./store/Ttl.ts"
export * as Version from "./store/Version.ts"
