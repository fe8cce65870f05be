//! Languages as files and file names spell them, made into short BCP 47 tags or nothing.

/// Three-letter codes of ISO 639-2 that BCP 47 requires to be written with two letters, both the
/// bibliographic and the terminological spelling. Other codes pass as they are.
const SHORT_TAGS: [(&str, &str); 64] = [
    ("alb", "sq"),
    ("sqi", "sq"),
    ("ara", "ar"),
    ("arm", "hy"),
    ("hye", "hy"),
    ("baq", "eu"),
    ("eus", "eu"),
    ("bel", "be"),
    ("ben", "bn"),
    ("bos", "bs"),
    ("bul", "bg"),
    ("bur", "my"),
    ("mya", "my"),
    ("cat", "ca"),
    ("chi", "zh"),
    ("zho", "zh"),
    ("hrv", "hr"),
    ("cze", "cs"),
    ("ces", "cs"),
    ("dan", "da"),
    ("dut", "nl"),
    ("nld", "nl"),
    ("eng", "en"),
    ("est", "et"),
    ("fin", "fi"),
    ("fre", "fr"),
    ("fra", "fr"),
    ("geo", "ka"),
    ("kat", "ka"),
    ("ger", "de"),
    ("deu", "de"),
    ("gre", "el"),
    ("ell", "el"),
    ("heb", "he"),
    ("hin", "hi"),
    ("hun", "hu"),
    ("ice", "is"),
    ("isl", "is"),
    ("ind", "id"),
    ("gle", "ga"),
    ("ita", "it"),
    ("jpn", "ja"),
    ("kor", "ko"),
    ("lav", "lv"),
    ("lit", "lt"),
    ("mac", "mk"),
    ("mkd", "mk"),
    ("may", "ms"),
    ("nor", "no"),
    ("per", "fa"),
    ("fas", "fa"),
    ("pol", "pl"),
    ("por", "pt"),
    ("rum", "ro"),
    ("ron", "ro"),
    ("rus", "ru"),
    ("slo", "sk"),
    ("slk", "sk"),
    ("slv", "sl"),
    ("spa", "es"),
    ("swe", "sv"),
    ("tur", "tr"),
    ("ukr", "uk"),
    ("vie", "vi"),
];

/// Languages by the names that people write into file names.
const NAMES: [(&str, &str); 30] = [
    ("arabic", "ar"),
    ("bulgarian", "bg"),
    ("chinese", "zh"),
    ("croatian", "hr"),
    ("czech", "cs"),
    ("danish", "da"),
    ("dutch", "nl"),
    ("english", "en"),
    ("finnish", "fi"),
    ("french", "fr"),
    ("german", "de"),
    ("deutsch", "de"),
    ("greek", "el"),
    ("hebrew", "he"),
    ("hindi", "hi"),
    ("hungarian", "hu"),
    ("italian", "it"),
    ("japanese", "ja"),
    ("korean", "ko"),
    ("norwegian", "no"),
    ("polish", "pl"),
    ("portuguese", "pt"),
    ("romanian", "ro"),
    ("russian", "ru"),
    ("spanish", "es"),
    ("swedish", "sv"),
    ("turkish", "tr"),
    ("ukrainian", "uk"),
    ("vietnamese", "vi"),
    ("thai", "th"),
];

/// The tag behind a word in a file name: a code of two or three letters, with or without a
/// region, or the language's English name.
pub fn spelled(word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    let named = NAMES.iter().find(|(name, _)| *name == lower);
    if let Some((_, short)) = named {
        return Some((*short).to_owned());
    }
    let (primary, region) = word.split_once('-').unwrap_or((word, ""));
    let is_code = primary.bytes().all(|letter| letter.is_ascii_alphabetic())
        && (primary.len() == 2
            || SHORT_TAGS
                .iter()
                .any(|(long, _)| primary.eq_ignore_ascii_case(long)));
    (is_code && (region.is_empty() || (2..=4).contains(&region.len())))
        .then(|| tag(word))
        .flatten()
}

/// A tag that `xs:language` and RFC 5646 accept, or `None` where the file says nothing usable.
pub fn tag(spelled: &str) -> Option<String> {
    let spelled = spelled.trim();
    if !is_well_formed(spelled) || spelled.eq_ignore_ascii_case("und") {
        return None;
    }
    let (primary, rest) = spelled.split_at(spelled.find('-').unwrap_or(spelled.len()));
    let primary = primary.to_ascii_lowercase();
    let short = SHORT_TAGS
        .iter()
        .find_map(|(long, short)| (*long == primary).then_some(*short));
    Some(format!("{}{rest}", short.unwrap_or(&primary)))
}

/// `[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8})*`, at most 35 characters (RFC 5646 §4.4.1).
fn is_well_formed(text: &str) -> bool {
    let mut parts = text.split('-');
    let primary = parts.next().unwrap_or("");
    text.len() <= 35
        && (2..=8).contains(&primary.len())
        && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

#[cfg(test)]
mod tests {
    use super::tag;

    #[test]
    fn languages_become_short_tags_or_nothing() {
        let cases = [
            ("eng", Some("en")),
            ("GER", Some("de")),
            ("pt-BR", Some("pt-BR")),
            ("zho-Hant", Some("zh-Hant")),
            ("gsw", Some("gsw")),
            ("und", None),
            ("", None),
            ("english language", None),
            ("\"><script>", None),
            ("a", None),
        ];
        for (spelled, expected) in cases {
            assert_eq!(tag(spelled).as_deref(), expected, "{spelled:?}");
        }
    }
}
