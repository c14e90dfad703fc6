/**
 * A broken store, and ways to break one.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import type { Subject } from "effect-state/testing"
import type { Commit, Mutation, Outcome, ScanOptions, Stored } from "../../../src/store/Backend.ts"
import type { FullRange } from "../../../src/store/KeyRange.ts"
import * as StateStore from "../../../src/store/StateStore.ts"
import * as Ttl from "../../../src/store/Ttl.ts"
import { Plain } from "../PlainBackend.ts"

export interface Mutant {
  readonly flaw: string
  /** The name of the case that fails. */
  readonly killedBy: string
  readonly layer: Subject["layer"]
}

export const ofBackend = (flaw: string, killedBy: string, Broken: new () => Plain): Mutant => ({
  flaw,
  killedBy,
  layer: (options) => new Broken().layer(options)
})

/** Breaks the service of a plain backend, in every namespace of it. */
export const ofService = (
  flaw: string,
  killedBy: string,
  broken: (store: StateStore.Service) => Partial<StateStore.Service>
): Mutant => {
  const wrap = (store: StateStore.Service): StateStore.Service => ({
    ...store,
    ...broken(store),
    namespace: (segment, options) => wrap(store.namespace(segment, options))
  })
  return {
    flaw,
    killedBy,
    layer: (options) =>
      Layer.map(new Plain().layer(options), (context) => {
        const store = Context.get(context, StateStore.StateStore)
        return Context.make(StateStore.StateStore, wrap(store))
      })
  }
}

/** Commits with their mutations changed on the way. */
export const rewriting = (rewrite: (mutation: Mutation) => Mutation): (new () => Plain) =>
  class extends Plain {
    override commitOne({ checks, mutations }: Commit, nowMs: number): Outcome {
      return super.commitOne({ checks, mutations: mutations.map(rewrite) }, nowMs)
    }
  }

export const withDeadline = (change: (deadline: Ttl.Deadline) => Ttl.Deadline) =>
  rewriting((mutation) => ("deadline" in mutation ? { ...mutation, deadline: change(mutation.deadline) } : mutation))

export const withChecks = (keep: (check: Commit["checks"][number]) => boolean): (new () => Plain) =>
  class extends Plain {
    override commitOne({ checks, mutations }: Commit, nowMs: number): Outcome {
      return super.commitOne({ checks: checks.filter(keep), mutations }, nowMs)
    }
  }

/** Writes with the new entry changed on the way. */
export const writing = (change: (entry: Stored, before: Stored | undefined) => Stored): (new () => Plain) =>
  class extends Plain {
    override write(key: string, entry: Stored | undefined): void {
      super.write(key, entry && change(entry, this.entries.get(key)))
    }
  }

/** Outcomes changed on the way. */
export const answering = (change: (outcome: Outcome, commit: Commit) => Outcome): (new () => Plain) =>
  class extends Plain {
    override commitOne(commit: Commit, nowMs: number): Outcome {
      return change(super.commitOne(commit, nowMs), commit)
    }
  }

export const scanning = (change: (options: ScanOptions) => ScanOptions): (new () => Plain) =>
  class extends Plain {
    override scan(range: FullRange, options: ScanOptions, nowMs: number) {
      return super.scan(range, change(options), nowMs)
    }
  }

export const expired = (entry: Stored, nowMs: number): boolean => !Ttl.isLive(entry.expiresAtMs, nowMs)
