/**
 * All groups, in the order they run.
 */
import type { Group } from "../Case.ts"
import { collections } from "./collection.ts"
import { customers } from "./customer.ts"
import { memory } from "./memory.ts"
import { postgres } from "./postgres.ts"
import { redis } from "./redis.ts"
import { sqliteClient, sqliteFull, sqliteNormal } from "./sqlite.ts"

export const groups: ReadonlyArray<Group> = [
  memory,
  sqliteNormal,
  sqliteFull,
  sqliteClient,
  redis,
  postgres,
  ...collections,
  ...customers
]
