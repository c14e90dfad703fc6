/**
 * State in PostgreSQL.
 *
 * @since 0.1.0
 */
export * as PostgresStore from "./PostgresStore.ts"
