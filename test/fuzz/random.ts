/** Random numbers of a fuzzer: those of an input are always the same. */
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'

/** An integer of 0 to max, both included. */
export type Random = (max: number) => number

/** The generator of an input, by its number. */
export function generatorOf(seed: number, run: number): RandomGenerator {
  return xoroshiro128plus((Math.imul(seed, 0x9e3779b1) ^ run) | 0)
}

export function randomOf(seed: number, run: number): Random {
  const generator = generatorOf(seed, run)
  return (max) => uniformInt(generator, 0, max)
}
