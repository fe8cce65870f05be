//! Numbers as people read them: lengths of films, sizes of files, time left. The scripts have the
//! same functions in `client/format.ts` for what changes while a page is open.

/// `1:02:03` or `4:07`.
pub(crate) fn clock(seconds: f64) -> String {
    let whole = whole(seconds.floor());
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// `12 s`, `4 min` or `1 h 50 min`.
pub(crate) fn length(seconds: f64) -> String {
    match whole(seconds.round()) {
        s @ 0..60 => format!("{} s", s.max(1)),
        s if s < 3_570 => format!("{} min", (s + 30) / 60),
        s => format!("{} h {:02} min", (s + 30) / 3600, (s + 30) / 60 % 60),
    }
}

/// `about 3 min left`, `less than a minute left`.
pub(crate) fn left(seconds: f64) -> String {
    match whole(seconds.round()) {
        0..60 => "less than a minute left".into(),
        s => format!("about {} left", length(s as f64)),
    }
}

/// `1.4 GB`, in powers of ten as file managers and shops count.
pub(crate) fn size(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes.max(0.0);
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit >= 2 && value < 9.95);
    format!("{value:.digits$} {}", UNITS[unit])
}

/// `42 %`; never 100 before it is true.
pub(crate) fn percent(fraction: f64) -> String {
    format!("{} %", whole((fraction * 100.0).clamp(0.0, 100.0).floor()))
}

/// `23 Nov 2025` from RFC 3339; other text passes as it is.
pub(crate) fn day(rfc3339: &str) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut parts = rfc3339.split('T').next().unwrap_or("").split('-');
    let year = parts.next();
    let month = parts.next().and_then(|month| month.parse::<usize>().ok());
    let day = parts.next().and_then(|day| day.parse::<u8>().ok());
    match (
        year,
        month.and_then(|month| MONTHS.get(month.wrapping_sub(1))),
        day,
    ) {
        (Some(year), Some(month), Some(day)) => format!("{day} {month} {year}"),
        _ => rfc3339.to_owned(),
    }
}

/// `German` for `deu` or `de`; a language that is not in the list keeps its code.
pub(crate) fn language(code: &str) -> String {
    const LANGUAGES: [(&str, &str); 24] = [
        ("en eng", "English"),
        ("de deu ger", "German"),
        ("fr fra fre", "French"),
        ("es spa", "Spanish"),
        ("it ita", "Italian"),
        ("pt por", "Portuguese"),
        ("nl nld dut", "Dutch"),
        ("sv swe", "Swedish"),
        ("da dan", "Danish"),
        ("no nor nob", "Norwegian"),
        ("fi fin", "Finnish"),
        ("pl pol", "Polish"),
        ("cs ces cze", "Czech"),
        ("ru rus", "Russian"),
        ("uk ukr", "Ukrainian"),
        ("tr tur", "Turkish"),
        ("el ell gre", "Greek"),
        ("he heb", "Hebrew"),
        ("ar ara", "Arabic"),
        ("hi hin", "Hindi"),
        ("ja jpn", "Japanese"),
        ("ko kor", "Korean"),
        ("zh zho chi", "Chinese"),
        ("und mul zxx", "Sound"),
    ];
    let known = LANGUAGES
        .iter()
        .find(|(codes, _)| codes.split(' ').any(|known| known == code));
    match known {
        Some((_, name)) => (*name).to_owned(),
        None if code.is_empty() => "Sound".to_owned(),
        None => code.to_owned(),
    }
}

/// `AL` for *Ada Lovelace* and `A` for *ada*; a bullet for a name without letters.
pub(crate) fn initials(name: &str) -> String {
    let first = |word: &str| word.chars().find(|letter| letter.is_alphanumeric());
    let letters: String = name
        .split([' ', '.', '-', '_'])
        .filter_map(first)
        .take(2)
        .flat_map(char::to_uppercase)
        .collect();
    if letters.is_empty() {
        "•".to_owned()
    } else {
        letters
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates and turns NaN into zero, which is what a page should show"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::{clock, day, initials, language, left, length, percent, size};

    #[test]
    fn lengths_read_as_on_a_player() {
        for (seconds, expected) in [
            (0.0, "0:00"),
            (7.9, "0:07"),
            (247.0, "4:07"),
            (3723.4, "1:02:03"),
            (f64::NAN, "0:00"),
        ] {
            assert_eq!(clock(seconds), expected, "{seconds} s");
        }
    }

    #[test]
    fn lengths_read_as_on_a_shelf() {
        for (seconds, expected) in [
            (0.2, "1 s"),
            (42.0, "42 s"),
            (89.0, "1 min"),
            (5_400.0, "1 h 30 min"),
            (3_569.0, "59 min"),
            (3_599.0, "1 h 00 min"),
            (7_199.0, "2 h 00 min"),
        ] {
            assert_eq!(length(seconds), expected, "{seconds} s");
        }
        assert_eq!(left(20.0), "less than a minute left");
        assert_eq!(left(181.0), "about 3 min left");
    }

    #[test]
    fn sizes_have_units_people_use() {
        for (bytes, expected) in [
            (0.0, "0 B"),
            (999.0, "999 B"),
            (1_000.0, "1 kB"),
            (42_400_000.0, "42 MB"),
            (1_440_000_000.0, "1.4 GB"),
            (999_999_999.0, "1.0 GB"),
        ] {
            assert_eq!(size(bytes), expected, "{bytes} bytes");
        }
    }

    #[test]
    fn a_percentage_is_never_finished_early() {
        assert_eq!(percent(0.999), "99 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(-1.0), "0 %");
    }

    #[test]
    fn days_are_written_out() {
        assert_eq!(day("2025-11-03T10:00:00Z"), "3 Nov 2025");
        assert_eq!(day("yesterday"), "yesterday", "what is no date passes");
    }

    #[test]
    fn languages_are_written_out() {
        for (code, expected) in [
            ("eng", "English"),
            ("ger", "German"),
            ("und", "Sound"),
            ("", "Sound"),
            ("tlh", "tlh"),
        ] {
            assert_eq!(language(code), expected, "{code:?}");
        }
    }

    #[test]
    fn people_are_known_by_their_first_letters() {
        for (name, expected) in [
            ("ada", "A"),
            ("Ada Lovelace King", "AL"),
            ("grace.hopper", "GH"),
            ("<b>", "B"),
            ("ßara", "SS"),
            ("👋", "•"),
            ("", "•"),
        ] {
            assert_eq!(initials(name), expected, "{name:?}");
        }
    }
}
