/** A piscina task that does nothing. */
export default (text) => text
