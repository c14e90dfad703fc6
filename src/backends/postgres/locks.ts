/**
 * The locks that writing takes on the server, as expressions and statements of the functions.
 *
 * @since 0.1.0
 */
import { literal, type Table } from "./table.ts"

/**
 * How long a batch waits for a lock, in milliseconds. A commit by itself says how long it waits for all of its locks.
 *
 * @since 0.1.0
 * @category limits
 */
export const batchTimeoutMs = 50

/**
 * What a key's advisory lock is on.
 *
 * @since 0.1.0
 * @category expressions
 */
export const hash = (table: Table, key: string): string =>
  `hashtextextended(${key}, ${literal(table.entries)}::regclass::oid::bigint)`

/**
 * What the first lock of every batch is on. Drawing versions shares it; who lifts the sequence has it alone. No key is empty.
 *
 * @since 0.1.0
 * @category expressions
 */
export const sequence = (table: Table): string => hash(table, "''")

/**
 * The advisory locks of a batch. Most batches of an idle application are of one key: sorting it would cost more than
 * locking it.
 *
 * @since 0.1.0
 * @category statements
 */
export const keys = (table: Table): string => `IF cardinality(p_keys) = 1 THEN
    PERFORM pg_advisory_xact_lock(${hash(table, "p_keys[1]")});
  ELSE
    PERFORM pg_advisory_xact_lock(k.hash)
      FROM (SELECT ${hash(table, "key")} AS hash FROM unnest(p_keys) AS key ORDER BY 1) AS k;
  END IF`

/**
 * The row locks of a batch. The planner takes an array of unknown length for one of ten items. For a shorter one a plan of
 * its own looks cheaper, and it would be made anew at every call; so no array is shorter.
 *
 * @since 0.1.0
 * @category statements
 */
export const rows = (table: Table): string => `IF cardinality(p_keys) = 1 THEN
    PERFORM 1 FROM ${table.entries} AS t WHERE t.key = p_keys[1] FOR UPDATE;
  ELSE
    PERFORM 1 FROM ${table.entries} AS t
      WHERE t.key = ANY (p_keys || array_fill(p_keys[1], ARRAY[9])) ORDER BY t.key FOR UPDATE;
  END IF`

/**
 * Leaves the next lock what is left of the commit's time, which ends at `v_until`: `lock_timeout` counts for each lock
 * anew. Zero would be for ever.
 *
 * @since 0.1.0
 * @category statements
 */
export const limitWait = `PERFORM set_config(
      'lock_timeout', greatest(1, date_part('epoch', v_until - clock_timestamp()) * 1000)::int::text, true)`

/**
 * Both for a commit that waits for them. A row that somebody has inserted, and may undo, is met by the changes.
 *
 * @since 0.1.0
 * @category statements
 */
export const inTime = (table: Table): string => `
    FOR v_hash IN SELECT ${hash(table, "key")} FROM unnest(p_keys) AS key ORDER BY 1 LOOP
      ${limitWait};
      PERFORM pg_advisory_xact_lock(v_hash);
    END LOOP;
    FOR v_key IN SELECT key FROM unnest(p_keys) AS key ORDER BY key COLLATE "C" LOOP
      ${limitWait};
      PERFORM 1 FROM ${table.entries} AS t WHERE t.key = v_key FOR UPDATE;
    END LOOP;
    ${limitWait}`
