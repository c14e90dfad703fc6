/**
 * A store that is filled to the brim, and what is measured on it.
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { StateStore } from "effect-state"
import type { Backend } from "../Case.ts"
import type { Servers } from "../Servers.ts"

export interface Opened {
  readonly store: StateStore.Service
  /** Where another process finds it. */
  readonly url?: string | undefined
  /** What the entries take in memory (memory, Redis) or on disk (SQLite, PostgreSQL), with all indexes. */
  readonly bytes: Effect.Effect<number, unknown>
  /** Other ways to get the entries under a prefix of full keys, opened once the store is full. */
  readonly rivals: Effect.Effect<ReadonlyArray<Rival>, unknown, Scope.Scope>
  readonly versions?: Readonly<Record<string, string>> | undefined
}

export interface Rival {
  readonly name: string
  /** The least ratio of our throughput to its own, if one is set. */
  readonly atLeast?: number | undefined
  /** Who is compared with it, where it isn't the store itself: one on other settings. */
  readonly against?: StateStore.Service | undefined
  readonly list: (prefix: string, end: string) => Effect.Effect<ReadonlyArray<unknown>, unknown>
}

export interface Target {
  readonly backend: Backend
  readonly open: Effect.Effect<Opened, unknown, Scope.Scope | Servers>
}

/** A hundred keys share a prefix. */
export const prefixSize = 100

export const prefixOf = (group: number): string => `user:${String(group).padStart(7, "0")}:`

export const keyOf = (i: number): string => `${prefixOf(Math.floor(i / prefixSize))}${i % prefixSize}`
