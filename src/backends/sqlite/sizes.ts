/**
 * How much a file has.
 *
 * @since 0.1.0
 */
import type { Info } from "../../store/Backend.ts"
import type { Statements } from "./schema.ts"

/**
 * What serves the state, and about how much it is.
 *
 * @since 0.1.0
 * @category reading
 */
export const read = (sql: Statements): Omit<Info, "nowMs"> => {
  const bytesApprox = Number(sql.fileBytes()?.[0])
  return { server: `SQLite ${sql.server()?.[0]}`, entriesApprox: entriesApprox(sql, bytesApprox), bytesApprox }
}

/** Exact for a small table; a larger one is not counted, which takes long, but estimated by the size of the file. */
const entriesApprox = (sql: Statements, fileBytes: number): number => {
  const [sampled, bytes] = (sql.someSizes(sampleRows) ?? []).map(Number)
  if (sampled === undefined || bytes === undefined || sampled < sampleRows) return sampled ?? 0
  return Math.max(sampled, Math.round(fileBytes / (bytes / sampled + rowOverheadBytes)))
}

const sampleRows = 1_000

/** About what a row takes besides its key and payload, in a page that is filled as random keys fill it. */
const rowOverheadBytes = 40
