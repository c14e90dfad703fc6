/**
 * The conversations that are kept: one session a dialogue.
 */

import * as Schema from "effect/Schema"
import { Sessions } from "effect-state"
import { DialogueState } from "./Dialogue.ts"

export class Conversations extends Sessions.Tag<Conversations>()("dialogues", {
  data: DialogueState,
  metadata: Schema.Struct({ turns: Schema.Number, utterance: Schema.String }),
  ttl: "1 day"
}) {}
