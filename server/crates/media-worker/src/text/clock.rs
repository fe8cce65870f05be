//! Times as subtitle files write them, in video ticks.

use media_proto::VIDEO_TIMESCALE;

/// `1:02:03,450`, `02:03.45` or `0:00:01.5`.
pub fn ticks(text: &str) -> Option<i64> {
    let (whole, fraction) = match text.trim().split_once([',', '.']) {
        Some((whole, fraction)) => (whole, milliseconds(fraction)?),
        None => (text.trim(), 0),
    };
    let mut seconds: i64 = 0;
    let parts: Vec<&str> = whole.split(':').collect();
    if !(2..=3).contains(&parts.len()) {
        return None;
    }
    for part in parts {
        let part = part.trim();
        let is_number = !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
        if !is_number || part.len() > 6 {
            return None;
        }
        seconds = seconds.checked_mul(60)?.checked_add(part.parse().ok()?)?;
    }
    let milliseconds = seconds.checked_mul(1000)?.checked_add(fraction)?;
    milliseconds.checked_mul(i64::from(VIDEO_TIMESCALE) / 1000)
}

/// The first three digits after the point.
fn milliseconds(fraction: &str) -> Option<i64> {
    let digits = fraction.trim();
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let three: String = digits.chars().chain("00".chars()).take(3).collect();
    three.parse().ok()
}

/// `start --> end` with whatever stands behind it.
pub fn span(line: &str) -> Option<(i64, i64, &str)> {
    let (start, rest) = line.split_once("-->")?;
    let rest = rest.trim_start();
    let (end, settings) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
    Some((ticks(start)?, ticks(end)?, settings.trim()))
}

/// As WebVTT wants it: `01:02:03.450`, rounded to the nearest millisecond.
pub fn text(ticks: i64) -> String {
    let per_ms = i64::from(VIDEO_TIMESCALE) / 1000;
    let ms = (ticks.max(0) + per_ms / 2) / per_ms;
    let (seconds, ms) = (ms / 1000, ms % 1000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    format!(
        "{:02}:{:02}:{seconds:02}.{ms:03}",
        minutes / 60,
        minutes % 60
    )
}

#[cfg(test)]
mod tests {
    use super::{span, text, ticks};

    #[test]
    fn times_of_every_format_are_read() {
        for (written, expected) in [
            ("00:00:01,000", Some(90_000)),
            ("1:02:03.45", Some(3_723_450 * 90)),
            (" 02:03.5 ", Some(123_500 * 90)),
            ("00:00:01", Some(90_000)),
            ("00:00:01,0005", Some(90_000)),
            ("1", None),
            ("-1:00:00,000", None),
            ("00:00:0x,000", None),
            ("99999999:00:00.000", None),
            ("", None),
        ] {
            assert_eq!(ticks(written), expected, "{written:?}");
        }
    }

    #[test]
    fn a_span_has_two_times_and_perhaps_settings() {
        let line = "00:01.000 --> 00:02.000 line:0 align:start";
        assert_eq!(span(line), Some((90_000, 180_000, "line:0 align:start")));
        assert_eq!(
            span("00:00:01,000-->00:00:02,000"),
            Some((90_000, 180_000, ""))
        );
        assert_eq!(span("one --> two"), None);
    }

    #[test]
    fn times_are_written_to_the_millisecond() {
        for (ticks, expected) in [
            (0, "00:00:00.000"),
            (44, "00:00:00.000"),
            (45, "00:00:00.001"),
            (3_723_450 * 90, "01:02:03.450"),
            (-5, "00:00:00.000"),
        ] {
            assert_eq!(text(ticks), expected, "{ticks}");
        }
    }
}
