/**
 * Scripts that still get through, by name, and why. Each is reported by every run. The list is to be empty.
 */
export const OPEN: Readonly<Record<string, string>> = {
  'a function that throws an object without a prototype':
    'the child is rebuilt, and the exec answered with ERR_SIPLET_CHILD_LOST instead of ERR_SIPLET_SCRIPT',
  'a function that rejects with an object without a prototype':
    'the child is rebuilt, and the exec answered with ERR_SIPLET_CHILD_LOST instead of ERR_SIPLET_SCRIPT',
}
