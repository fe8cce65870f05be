//! Places in listings as clients carry them: a few numbers with points between them. What does not
//! belong here: what the numbers mean.

use model::error::{Error, ErrorKind, Result};

/// The numbers in one word.
pub(crate) fn written(numbers: &[i64]) -> String {
    let words: Vec<String> = numbers.iter().map(i64::to_string).collect();
    words.join(".")
}

/// The numbers of a word.
///
/// # Errors
/// `InvalidInput` if [`written`] would not have spelled it so.
pub(crate) fn read<const N: usize>(text: &str) -> Result<[i64; N]> {
    let numbers: Option<Vec<i64>> = text.split('.').map(|word| word.parse().ok()).collect();
    let numbers = numbers.and_then(|numbers| <[i64; N]>::try_from(numbers).ok());
    numbers
        .filter(|numbers| written(numbers) == text)
        .ok_or_else(nowhere)
}

/// No listing has such a place.
pub(crate) fn nowhere() -> Error {
    let message = "this is not a place in a listing; begin from its first page";
    Error::new(ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::{read, written};

    #[test]
    fn a_place_has_one_spelling() {
        for numbers in [[0, 0], [-3, i64::MAX], [i64::MIN, 7]] {
            assert_eq!(read(&written(&numbers)).unwrap(), numbers);
        }
        for odd in [
            "",
            "1",
            "1.2.3",
            "1.+2",
            "01.2",
            "1.",
            "a.b",
            "1.99999999999999999999",
        ] {
            assert!(read::<2>(odd).is_err(), "{odd:?}");
        }
    }
}
