import type { EngineOptions } from '@siplet/engine'

/** What a benchmark measures: a method of a script, called with a message. */
export interface Subject {
  engine: Omit<EngineOptions, 'children' | 'isolation'>
  method: string
  message: Buffer
}
