/**
 * Where workflows lie: three kinds of keys in one namespace, which lives together, so that what belongs together can be
 * committed together on a cluster.
 *
 * - `state:<id>`: the state.
 * - `index:<version>`: what lists show of a workflow, under the version of its last write. The state's own version tells the
 *   key, so that whoever read the state knows which index entry goes with it.
 * - `checkpoint:<length>:<id>:<version>`: a checkpoint. The length keeps the checkpoints of ids that look alike apart.
 *
 * @since 0.1.0
 */
import * as Atomic from "../../store/Atomic.ts"
import * as Key from "../../store/Key.ts"
import { InvalidKey } from "../../store/StateError.ts"
import type { Version } from "../../store/Version.ts"
import * as SubjectKey from "../SubjectKey.ts"

/**
 * The most UTF-8 bytes the id of a workflow may take, so that the keys of its checkpoints are keys.
 *
 * @since 0.1.0
 * @category limits
 */
export const idBytesMax = Key.keyBytesMax - Atomic.stampLength - "checkpoint:".length - SubjectKey.prefixLengthMax

/**
 * What is wrong with a workflow's id, if anything.
 *
 * @since 0.1.0
 * @category validation
 */
export const problem = (id: string): InvalidKey | undefined =>
  id === "" ? new InvalidKey({ key: "", reason: "it is empty" }) : Key.problemOfPart(id, idBytesMax)

/**
 * The key of a workflow's state.
 *
 * @since 0.1.0
 * @category keys
 */
export const state = (id: string): string => `state:${id}`

/**
 * What the keys of all index entries start with, and nothing else.
 *
 * @since 0.1.0
 * @category keys
 */
export const indexPrefix = "index:"

/**
 * The key of the index entry that was written with the state of this version.
 *
 * @since 0.1.0
 * @category keys
 */
export const index = (version: Version): string => Atomic.stamped(indexPrefix, version)

/**
 * What the keys of a workflow's checkpoints start with, and nothing else.
 *
 * @since 0.1.0
 * @category keys
 */
export const checkpointPrefix = (id: string): string => `checkpoint:${SubjectKey.prefix(id)}`
