import type { EngineOptions } from '@siplet/engine'

/** What is measured: a method of a script on a message. */
export interface Subject {
  engine: Omit<EngineOptions, 'children' | 'isolation'>
  method: string
  message: Buffer
}
