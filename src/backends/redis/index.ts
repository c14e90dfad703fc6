/**
 * State on a Redis server.
 *
 * @since 0.1.0
 */
export * as RedisStore from "./RedisStore.ts"
