import assert from 'node:assert/strict'
import {
  clock,
  dateAndClock,
  decoded,
  delta,
  duration,
  visible,
} from '../../../packages/cli/src/report/page/words.ts'

describe('formatted values of a report', () => {
  it('show durations in a suitable unit', () => {
    assert.deepEqual(
      [
        0.5, 42.66, 999, 1_500, 2_345_678, 119_000_000, 150_000_000, 3_600_000_000, 7_500_000_000, 8.64e12,
      ].map(duration),
      [
        '0.5 µs',
        '42.7 µs',
        '999 µs',
        '1.5 ms',
        '2.35 s',
        '119 s',
        '2 min 30 s',
        '60 min',
        '2 h 5 min',
        '100 d',
      ],
    )
  })

  it('show times of day in UTC, to the microsecond', () => {
    assert.equal(clock('1767254400.999999000', 1), '08:00:01.000000')
    assert.equal(clock('1767254400.000001000', -2), '07:59:59.999999')
    assert.equal(dateAndClock('1767254400.123456789', 86_400_000_000), '2026-01-02 08:00:00.123456')
  })

  it('show the time between messages in seconds, to the microsecond if it is short', () => {
    assert.deepEqual([0, 12, 1_234_567, -5_000].map(delta), ['+0.000', '+0.000012', '+1.235', '−0.005'])
  })

  it('show control characters, and characters that change the direction of text, as visible signs', () => {
    assert.equal(visible('a\u0000\u001b\u007f\u0085\u202eb\tc\n'), 'a␀␛␡\\u{85}\\u{202e}b\tc\n')
    assert.equal(visible('żółć 漢字 🙂'), 'żółć 漢字 🙂')
  })

  it('show bytes of messages as UTF-8, and invalid bytes as replacement characters', () => {
    assert.equal(decoded('\u00c3\u00bc\u00ff'), 'ü\ufffd')
  })
})
