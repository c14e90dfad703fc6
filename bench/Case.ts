/**
 * What is compared, with what, and what is to be reached.
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Effort } from "./Runner.ts"
import type { Servers } from "./Servers.ts"
import type { Call, Item, Style } from "./Workload.ts"

export type Backend = "memory" | "sqlite" | "redis" | "postgres"

/** A comparison under one load. */
export interface Case {
  /** What a contender's `calls` knows it by. */
  readonly operation: string
  readonly fibers: number
  readonly style?: Style | undefined
  /** Who is compared with, and the least ratio to reach, if one is set. */
  readonly rivals: Readonly<Record<string, number | undefined>>
}

/** Somebody to compare. */
export interface Contender {
  /** Puts all items in, before anything is measured. */
  readonly fill: (items: ReadonlyArray<Item>) => Effect.Effect<void, unknown>
  readonly calls: Readonly<Record<string, Call>>
}

/** What is opened once, and measured under several loads. */
export interface Contest {
  readonly ours: Contender
  /** Those that can't be had are missing. */
  readonly rivals: Readonly<Record<string, Contender | undefined>>
  /** Of servers. */
  readonly versions?: Readonly<Record<string, string>> | undefined
  /** The CPU time that the server has used so far. */
  readonly serverCpuMs?: Effect.Effect<number, unknown> | undefined
}

/** Cases that share their contenders and the server behind them. */
export interface Group {
  readonly backend: Backend
  /** What is special about it: a durability, a client. */
  readonly setting: string
  readonly cases: ReadonlyArray<Case>
  /** How many keys it uses at most; fewer where each write waits for the disk. */
  readonly keysMax?: number | undefined
  /** What takes long, and is done once on a machine; left out in smoke runs. */
  readonly prepare?: Effect.Effect<void> | undefined
  readonly open: Effect.Effect<Contest, unknown, Scope.Scope | Servers>
  /** What else is measured while it is open. */
  readonly extra?: ReadonlyArray<Extra> | undefined
}

/** A comparison that is no throughput: where less is better, `goal` is the most. */
export interface Extra {
  readonly operation: string
  readonly rival: string
  readonly goal: { readonly atMost: number }
  readonly measure: (contest: Contest, items: ReadonlyArray<Item>, effort: Effort) => Effect.Effect<number, unknown>
}

export const title = (group: Group, operation: string, load?: Case): string =>
  [
    group.backend,
    group.setting,
    operation,
    load === undefined ? "" : `${load.fibers} ${load.fibers === 1 ? "fiber" : "fibers"}`,
    load?.style === "forEach" ? "Effect.forEach" : ""
  ]
    .filter((word) => word !== "")
    .join(" ")
