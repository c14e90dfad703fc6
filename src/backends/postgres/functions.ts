/**
 * What writes on the server: a statement for a single value, and functions for batches of independent commits, so that a
 * batch is one round trip and one transaction. The order of the steps is what makes them right under READ COMMITTED,
 * where every statement sees what was committed before it began:
 *
 * 1. Advisory locks on the hashes of all keys, in order. They keep writers of one key apart also where there is no row
 *    yet, and after that nobody who holds one waits for another: no deadlocks among batches.
 * 2. Row locks, for those who write to the table by SQL of their own.
 * 3. The clock is read and versions are drawn: whoever waited for a lock gets a later time and a greater version.
 * 4. Checks, and then changes. A refusal is data: an error would abort the transaction that a caller may have open.
 *
 * Waiting for a lock is an error after a short while. Nothing of the batch has happened then, and its commits can be sent
 * again one by one.
 *
 * @since 0.1.0
 */
import * as Locks from "./locks.ts"
import { literal, type Table } from "./table.ts"

/**
 * How many versions a draw takes from the sequence, the drawn one and those that follow it: as many as a batch may need.
 *
 * @since 0.1.0
 * @category limits
 */
export const versionsPerDraw = 1_000

/**
 * What the steps of a commit are called in the call of the function.
 *
 * @since 0.1.0
 * @category models
 */
export const op = { check: 0, put: 1, append: 2, add: 3, touch: 4, delete: 5, install: 6, remove: 7 } as const

/**
 * @since 0.1.0
 * @category definitions
 */
export const definitions = (table: Table): string => `${put(table)};\n${commit(table)};\n${attempt(table)}`

/** The setting comes back when the function ends, for what a transaction does next. */
const attributes = `LANGUAGE plpgsql VOLATILE SET lock_timeout = '${Locks.batchTimeoutMs}ms'`

const nextVersion = (table: Table) => `nextval(${literal(table.versions)}::regclass)`

/** In another isolation level a statement would not see what was committed while it waited for a lock. */
const isReadCommitted = "current_setting('transaction_isolation') = 'read committed'"

const setSynchronousCommit = `IF p_synchronous_commit IS NOT NULL THEN
    PERFORM set_config('synchronous_commit', p_synchronous_commit, true);
  END IF`

/**
 * The time as it is kept: in whole milliseconds, always the next one. No entry lives shorter than asked for, and one is live
 * at a time of the clock exactly if its deadline is not before what is kept of that time.
 *
 * @since 0.1.0
 * @category expressions
 */
export const nowMs = "(floor(date_part('epoch', clock_timestamp()) * 1000)::bigint + 1)"

const deadline = (nowMs: string, ttlMs: string, endMs: string) => `least(${nowMs} + ${ttlMs}, ${endMs})`

const live = "(t.expires_at_ms IS NULL OR t.expires_at_ms >= o_at)"

const columns = "(key, value, bytes, version, created_at_ms, updated_at_ms, expires_at_ms)"

const orReplace = `ON CONFLICT (key) DO UPDATE SET
    value = EXCLUDED.value,
    bytes = EXCLUDED.bytes,
    version = EXCLUDED.version,
    created_at_ms = CASE WHEN t.expires_at_ms < EXCLUDED.updated_at_ms THEN EXCLUDED.created_at_ms ELSE t.created_at_ms END,
    updated_at_ms = EXCLUDED.updated_at_ms,
    expires_at_ms = EXCLUDED.expires_at_ms`

/**
 * Writes one value under a key, unconditionally: key, value, bytes, ttl, end, and `synchronous_commit`. Gives the time and
 * the version, or nothing in another isolation level.
 *
 * A function starts a statement of its own for each of its steps, which takes longer than the write. What a statement saw
 * when it began does not matter to an upsert: it meets the row as it is once nobody else writes it. The subqueries are
 * evaluated from the inside out, as `OFFSET 0` keeps the planner from merging them: settings, locks, time, version.
 *
 * @since 0.1.0
 * @category definitions
 */
export const putOne = (table: Table): string => `INSERT INTO ${table.entries} AS t ${columns}
  SELECT $1, $2::json, $3::bytea, ${nextVersion(table)}, d.now, d.now, ${deadline("d.now", "$4::bigint", "$5::bigint")}
  FROM (
    SELECT ${nowMs} AS now FROM (
      SELECT pg_advisory_xact_lock(${Locks.hash(table, "$1")}) FROM (
        SELECT pg_advisory_xact_lock_shared(${Locks.sequence(table)}) FROM (
          SELECT
            set_config('lock_timeout', '${Locks.batchTimeoutMs}ms', true),
            CASE WHEN $6::text IS NOT NULL THEN set_config('synchronous_commit', $6, true) END
          WHERE ${isReadCommitted} OFFSET 0
        ) AS settings OFFSET 0
      ) AS sequence OFFSET 0
    ) AS key OFFSET 0
  ) AS d
  ${orReplace}
  RETURNING updated_at_ms, version`

/**
 * Writes values under keys that differ, unconditionally: by far the most frequent batch, and one statement. A batch may
 * have more writes than keys: of several to one key only the last is sent, and `p_turns` tells which of all it is, from 0.
 * Gives the time and the version of the first turn; each turn has the next one.
 *
 * It takes no row locks ahead: versions are safe under the advisory locks, and the clock is off by no more than a
 * batch may wait for a row.
 */
const put = (table: Table) => `CREATE OR REPLACE FUNCTION ${table.put}(
  p_keys text[], p_values text[], p_bytes bytea[], p_turns int[], p_ttls bigint[], p_ends bigint[],
  p_synchronous_commit text, OUT o_at bigint, OUT o_version bigint
) ${attributes} AS ${literal(`
BEGIN
  IF NOT ${isReadCommitted} THEN RETURN; END IF;
  ${setSynchronousCommit};
  PERFORM pg_advisory_xact_lock_shared(${Locks.sequence(table)});
  ${Locks.keys(table)};
  o_at := ${nowMs};
  o_version := ${nextVersion(table)};
  INSERT INTO ${table.entries} AS t ${columns}
    SELECT p.key, p.value::json, p.bytes, o_version + p.turn, o_at, o_at, ${deadline("o_at", "p.ttl", "p.ends")}
    FROM unnest(p_keys, p_values, p_bytes, p_turns, p_ttls, p_ends) AS p (key, value, bytes, turn, ttl, ends)
    ${orReplace};
END`)}`

const commitParameters = `
  p_starts int[], p_checks int[], p_guards boolean[],
  p_ops int[], p_keys text[], p_numbers bigint[], p_values text[], p_bytes bytea[],
  p_keeps boolean[], p_ttls bigint[], p_ends bigint[], p_created bigint[], p_updated bigint[],
  p_installed bigint, p_lock_timeout bigint, p_synchronous_commit text
`

/**
 * The arguments of commits, as a statement takes them.
 *
 * @since 0.1.0
 * @category expressions
 */
export const commitArguments = "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16"

/**
 * Any commits. Those of number c are the steps from `p_starts[c]` up to the next start, `p_checks[c]` checks first; with
 * `p_guards[c]` a step may refuse after another was made. Gives a row for each commit: the time, its version and results,
 * or the steps that refused it.
 */
const commit = (table: Table) => `CREATE OR REPLACE FUNCTION ${table.commit}(${commitParameters})
RETURNS TABLE (o_at bigint, o_version bigint, o_results text, o_refused text) ${attributes} AS ${literal(`
DECLARE
  v_until timestamptz := clock_timestamp() + p_lock_timeout * interval '1 millisecond';
  v_hash bigint;
  v_version bigint;
  v_found bigint;
  v_results bigint[];
  v_refused int[];
  v_key text;
  v_value text;
  v_result bigint;
  v_live boolean;
  v_expires bigint;
BEGIN
  IF NOT ${isReadCommitted} THEN RETURN; END IF;
  ${setSynchronousCommit};
  IF v_until IS NOT NULL THEN ${Locks.limitWait}; END IF;
  IF p_installed IS NULL THEN
    PERFORM pg_advisory_xact_lock_shared(${Locks.sequence(table)});
  ELSE
    PERFORM pg_advisory_xact_lock(${Locks.sequence(table)});
    IF (SELECT last_value FROM ${table.versions}) < p_installed THEN
      PERFORM setval(${literal(table.versions)}::regclass, p_installed);
    END IF;
  END IF;
  IF v_until IS NULL THEN
    ${Locks.keys(table)};
    ${Locks.rows(table)};
  ELSE ${Locks.inTime(table)};
  END IF;
  o_at := ${nowMs};
  FOR c IN 1 .. cardinality(p_checks) LOOP
    v_refused := '{}';
    v_results := '{}';
    FOR i IN p_starts[c] .. p_starts[c] + p_checks[c] - 1 LOOP
      SELECT t.version INTO v_found FROM ${table.entries} AS t WHERE t.key = p_keys[i] AND ${live};
      IF coalesce(v_found, 0) <> p_numbers[i] THEN v_refused := v_refused || i; END IF;
    END LOOP;
    IF v_refused = '{}' THEN
      v_version := ${nextVersion(table)};
      IF p_guards[c] THEN
        BEGIN
          ${changes(table)}
          IF v_refused <> '{}' THEN RAISE EXCEPTION SQLSTATE '${undo}'; END IF;
        EXCEPTION WHEN SQLSTATE '${undo}' THEN
          NULL;
        END;
      ELSE
        ${changes(table)}
      END IF;
    END IF;
    o_version := CASE WHEN v_refused = '{}' THEN v_version END;
    o_results := array_to_string(v_results, ',');
    o_refused := array_to_string(v_refused, ',');
    RETURN NEXT;
  END LOOP;
END`)}`

/**
 * Commits inside an app's transaction, which an error would abort: it undoes what the function did, and is data, a row of its
 * code and message. With a savepoint it would be several statements, and what the app sends between them would be undone too.
 */
const attempt = (table: Table) => `CREATE OR REPLACE FUNCTION ${table.attempt}(${commitParameters})
RETURNS TABLE (
  o_at bigint, o_version bigint, o_results text, o_refused text, o_code text, o_message text
) LANGUAGE plpgsql VOLATILE AS ${literal(`
BEGIN
  RETURN QUERY SELECT c.*, NULL::text, NULL::text FROM ${table.commit}(${commitArguments}) AS c;
EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
  o_code := SQLSTATE;
  o_message := SQLERRM;
  RETURN NEXT;
END`)}`

/** Raised and caught in the function, to undo the changes of one commit; nobody else sees it. */
const undo = "ES001"

const integerMax = Number.MAX_SAFE_INTEGER

const changes = (table: Table) => `FOR i IN p_starts[c] + p_checks[c] .. p_starts[c + 1] - 1 LOOP
      v_key := p_keys[i];
      v_expires := ${deadline("o_at", "p_ttls[i]", "p_ends[i]")};
      IF p_ops[i] <= ${op.add} THEN
        v_value := p_values[i];
        v_result := 1;
        IF p_ops[i] = ${op.append} THEN
          v_key := v_key || lpad(v_version::text, 16, '0');
        ELSIF p_ops[i] = ${op.add} THEN
          SELECT t.value::text, true INTO v_value, v_live FROM ${table.entries} AS t WHERE t.key = v_key AND ${live};
          IF v_live IS NULL THEN v_value := '0'; END IF;
          IF v_value IS NULL OR v_value !~ '^-?[0-9]{1,16}$' THEN
            v_refused := v_refused || i;
            EXIT;
          END IF;
          v_result := v_value::bigint + p_numbers[i];
          IF abs(v_value::bigint) > ${integerMax} OR abs(v_result) > ${integerMax} THEN
            v_refused := v_refused || i;
            EXIT;
          END IF;
          v_value := v_result::text;
        END IF;
        INSERT INTO ${table.entries} AS t ${columns}
          VALUES (v_key, v_value::json, p_bytes[i], v_version, o_at, o_at, v_expires)
          ON CONFLICT (key) DO UPDATE SET
            value = EXCLUDED.value,
            bytes = EXCLUDED.bytes,
            version = EXCLUDED.version,
            created_at_ms = CASE WHEN ${live} THEN t.created_at_ms ELSE EXCLUDED.created_at_ms END,
            updated_at_ms = EXCLUDED.updated_at_ms,
            expires_at_ms = CASE WHEN p_keeps[i] AND ${live} THEN least(t.expires_at_ms, p_ends[i]) ELSE EXCLUDED.expires_at_ms END;
      ELSIF p_ops[i] = ${op.touch} THEN
        UPDATE ${table.entries} AS t
          SET expires_at_ms = CASE WHEN p_keeps[i] THEN least(t.expires_at_ms, p_ends[i]) ELSE v_expires END
          WHERE t.key = v_key AND ${live};
        v_result := FOUND::int;
      ELSIF p_ops[i] = ${op.delete} THEN
        DELETE FROM ${table.entries} AS t WHERE t.key = v_key RETURNING ${live} INTO v_live;
        v_result := coalesce(v_live, false)::int;
      ELSIF p_ops[i] = ${op.install} THEN
        INSERT INTO ${table.entries} AS t ${columns}
          VALUES (v_key, p_values[i]::json, p_bytes[i], p_numbers[i], p_created[i], p_updated[i], p_ends[i])
          ON CONFLICT (key) DO UPDATE SET
            value = EXCLUDED.value,
            bytes = EXCLUDED.bytes,
            version = EXCLUDED.version,
            created_at_ms = EXCLUDED.created_at_ms,
            updated_at_ms = EXCLUDED.updated_at_ms,
            expires_at_ms = EXCLUDED.expires_at_ms
          WHERE t.version < EXCLUDED.version OR NOT ${live};
        v_result := FOUND::int;
      ELSE
        DELETE FROM ${table.entries} AS t
          WHERE t.key = v_key AND (t.version < p_numbers[i] OR NOT ${live}) RETURNING ${live} INTO v_live;
        v_result := coalesce(v_live, false)::int;
      END IF;
      v_results := v_results || v_result;
    END LOOP;`
