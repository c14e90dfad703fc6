/** Choices that can be made again: the same seed gives the same ones. */

/** Of this run: CHAOS_SEED, or a new one. */
export const seed = process.env.CHAOS_SEED ?? String(Date.now())

/** How to make this run's choices again; the timing is another each time. */
export const advice = `CHAOS_SEED=${seed} makes the same choices again`

/** Numbers from 0 to 1, the same for the same text (mulberry32 over its FNV-1a hash). */
export const randomOf = (text: string): (() => number) => {
  let state = [...text].reduce(
    (hash, character) => Math.imul(hash ^ character.charCodeAt(0), 16_777_619),
    2_166_136_261
  )
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
