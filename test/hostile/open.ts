/** Scripts that are not held yet, by name, with the reason. Every run reports them. The list should be empty. */
export const OPEN: Readonly<Record<string, string>> = {}
