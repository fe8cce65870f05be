//! Reads the times in the API's JSON. What does not belong here: time zones; the server writes UTC.

/// Seconds since 1970 of a time such as `2026-08-22T10:20:30.123Z`.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(str::parse::<i32>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.split(':').map(str::parse::<f64>);
    let (hour, minute, second) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
    let days = f64::from(days_since_1970(year, month, day));
    Some(((days * 24.0 + hour) * 60.0 + minute) * 60.0 + second)
}

/// Days of the Gregorian calendar (<https://howardhinnant.github.io/date_algorithms.html>).
fn days_since_1970(year: i32, month: i32, day: i32) -> i32 {
    // Years begin in March here, so that the leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn times_are_read_to_the_millisecond() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0.0));
        assert_eq!(seconds("2000-03-01T00:00:00.5Z"), Some(951_868_800.5));
        assert_eq!(seconds("2024-02-29T12:00:00Z"), Some(1_709_208_000.0));
        assert_eq!(seconds("yesterday"), None, "no time at all");
    }
}
