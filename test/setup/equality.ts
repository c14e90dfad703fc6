/**
 * What is yieldable in Effect has an iterator, and chai compares two such objects that have not as many properties by what these
 * give, which is the objects again: `Option.some(1)` and `Option.none()` would be deeply equal.
 */
import * as Effect from "effect/Effect"
import { chai } from "vitest"

const { eql } = chai.util

chai.config.deepEqual = (actual, expected) =>
  eql(actual, expected, {
    comparator: (a: unknown, b: unknown) =>
      Effect.isEffect(a) && Effect.isEffect(b) && Object.keys(a).length !== Object.keys(b).length ? false : null
  })
