/** Random numbers of a fuzzer. Those of an input are always the same. */
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'

/** Returns an integer from 0 to max, including both. */
export type Random = (max: number) => number

/** Returns the generator of an input, by the number of the input. */
export function generatorOf(seed: number, run: number): RandomGenerator {
  return xoroshiro128plus((Math.imul(seed, 0x9e3779b1) ^ run) | 0)
}

export function randomOf(seed: number, run: number): Random {
  const generator = generatorOf(seed, run)
  return (max) => uniformInt(generator, 0, max)
}
