/**
 * State in this process's memory: for tests, caches and single processes. Closing the layer forgets it.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { InvalidOption, InvalidTtl } from "../../store/StateError.ts"
import * as StateStore from "../../store/StateStore.ts"
import { make as makeBackend } from "./backend.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options extends StateStore.Options {}

/**
 * A store of its own for each build; time is the `Clock` that the layer is built with, so that `TestClock` moves it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<StateStore.StateStore, InvalidOption | InvalidTtl> =>
  Layer.scoped(StateStore.StateStore, make(options))

/**
 * {@link layer}, with options that come from `Config`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<StateStore.StateStore, ConfigError | InvalidOption | InvalidTtl> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(options), layer))

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options?: Options) => Effect.flatMap(makeBackend, (backend) => StateStore.make(backend, options))
