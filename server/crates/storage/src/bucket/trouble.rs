//! What a bucket's failure means, in a sentence for the owner. What does not belong here: what is
//! done about it.
//!
//! Most of it is `Unavailable`: a wrong key is put right, a full server is given another disk, and
//! then everything goes on. Only an object that is not there, in a bucket that is, is `NotFound`.

use std::error::Error as StdError;

use model::error::{Error, ErrorKind};
use object_store::client::{HttpError, HttpErrorKind};
use url::Url;

/// Longest part of a server's own words that is shown.
const MAX_WORDS: usize = 120;

/// Where a bucket is, as sentences say it.
#[derive(Clone, Debug)]
pub(super) struct Address {
    server: String,
    host: String,
    name: String,
}

impl Address {
    pub(super) fn new(endpoint: &Url, name: &str) -> Self {
        Self {
            server: endpoint.origin().ascii_serialization(),
            host: endpoint.host_str().unwrap_or_default().to_owned(),
            name: name.to_owned(),
        }
    }

    /// `The bucket films at http://nas.local:9000`
    pub(super) fn bucket(&self) -> String {
        format!("The bucket {} at {}", self.name, self.server)
    }

    /// A failure that may pass.
    pub(super) fn unavailable(&self, what: &str) -> Error {
        Error::new(ErrorKind::Unavailable, format!("{} {what}", self.bucket()))
    }

    /// The bucket does not answer.
    pub(super) fn silent(&self) -> Error {
        self.unavailable("does not answer.")
    }

    /// What went wrong while `doing`, such as "storing x".
    pub(super) fn trouble(&self, doing: &str, error: &object_store::Error) -> Error {
        tracing::debug!(%error, doing, bucket = self.name, "A bucket failed.");
        let words = whole(error);
        if let Some(known) = self.known(code(&words), doing) {
            return known;
        }
        match error {
            object_store::Error::NotFound { .. } => {
                return Error::new(
                    ErrorKind::NotFound,
                    format!("{} has no such object ({doing}).", self.bucket()),
                );
            }
            object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. } => {
                return self.unavailable(&format!("does not accept the access key ({doing})."));
            }
            _ => {}
        }
        self.broken_connection(error, &words)
            .unwrap_or_else(|| self.unexpected(doing, &words))
    }

    /// What the codes of S3 mean.
    fn known(&self, code: Option<&str>, doing: &str) -> Option<Error> {
        let sentence = match code? {
            "NoSuchBucket" => {
                let sentence = format!(
                    "The server {} has no bucket called {}. Make it there, or correct the name.",
                    self.server, self.name
                );
                return Some(Error::new(ErrorKind::Unavailable, sentence));
            }
            "XMinioStorageFull"
            | "QuotaExceeded"
            | "InsufficientStorage"
            | "XMinioAdminBucketQuotaExceeded"
            | "EntityTooLarge" => {
                let sentence = format!("{} is full.", self.bucket());
                return Some(Error::new(ErrorKind::OutOfSpace, sentence));
            }
            "InvalidAccessKeyId" => "does not know the access key.".to_owned(),
            "SignatureDoesNotMatch" => {
                "does not accept the access key: the secret key does not belong to it.".to_owned()
            }
            "AccessDenied" | "AllAccessDisabled" => {
                format!("does not let this access key do it ({doing}).")
            }
            "RequestTimeTooSkewed" | "RequestExpired" => {
                "has a clock that differs from this computer's by more than 15 minutes. Set both \
                 clocks."
                    .to_owned()
            }
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException" => {
                "is in another region, or its server has another address.".to_owned()
            }
            "SlowDown"
            | "ServiceUnavailable"
            | "ServerNotInitialized"
            | "XMinioServerNotInitialized"
            | "InternalError" => "is not ready, or has too much to do.".to_owned(),
            _ => return None,
        };
        Some(self.unavailable(&sentence))
    }

    fn broken_connection(&self, error: &object_store::Error, words: &str) -> Option<Error> {
        let kind = transport(error)?;
        if words.contains("dns error") || words.contains("failed to lookup address") {
            let sentence = format!(
                "The name {} of the bucket's server is not known in this network.",
                self.host
            );
            return Some(Error::new(ErrorKind::Unavailable, sentence));
        }
        if words.contains("certificate") {
            return Some(
                self.unavailable("shows a certificate that this computer does not trust."),
            );
        }
        if words.contains("far too long") {
            return None;
        }
        match kind {
            HttpErrorKind::Connect | HttpErrorKind::Timeout => Some(self.silent()),
            HttpErrorKind::Request | HttpErrorKind::Interrupted => {
                Some(self.unavailable("broke off the connection."))
            }
            _ => None,
        }
    }

    fn unexpected(&self, doing: &str, words: &str) -> Error {
        let status = words
            .split_once("status code: ")
            .map(|(_, rest)| rest.split(':').next().unwrap_or_default().trim());
        match status {
            Some(status) if status.starts_with("507") => {
                Error::new(ErrorKind::OutOfSpace, format!("{} is full.", self.bucket()))
            }
            Some(status) if status.starts_with("401") || status.starts_with("403") => {
                self.unavailable(&format!("does not accept the access key ({doing})."))
            }
            Some(status) if status.starts_with('3') => self.unavailable(
                "sends us elsewhere, which is not followed. Correct its address or its region.",
            ),
            Some(status) if status.starts_with('5') || status.starts_with("429") => {
                self.unavailable(&format!("is not ready, or has too much to do ({status})."))
            }
            Some(status) => self.unavailable(&format!("refused ({doing}): {status}.")),
            None if words.contains("redirect") => self.unavailable(
                "sends us elsewhere, which is not followed. Correct its address or its region.",
            ),
            None => {
                let words: String = words.chars().take(MAX_WORDS).collect();
                self.unavailable(&format!(
                    "answered what an S3 server does not answer ({doing}): {words}"
                ))
            }
        }
    }
}

/// The message of an error and of all its causes, without repetition.
fn whole(error: &object_store::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !words.contains(&more) {
            words.push_str(": ");
            words.push_str(&more);
        }
        cause = error.source();
    }
    words
}

/// The code in an answer of S3.
fn code(words: &str) -> Option<&str> {
    let (_, rest) = words.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code)
}

/// How the connection failed, if it did.
fn transport(error: &object_store::Error) -> Option<HttpErrorKind> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<HttpError>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Address;
    use model::error::ErrorKind;
    use object_store::Error as S3;
    use object_store::client::{HttpError, HttpErrorKind};
    use std::io;

    fn answer(status: &str, code: &str) -> S3 {
        S3::Generic {
            store: "S3",
            source: format!(
                "Server returned non-2xx status code: {status}: <Error><Code>{code}</Code></Error>"
            )
            .into(),
        }
    }

    fn broken(kind: HttpErrorKind, words: &str) -> S3 {
        S3::Generic {
            store: "S3",
            source: Box::new(HttpError::new(kind, io::Error::other(words.to_owned()))),
        }
    }

    fn missing(body: &str) -> S3 {
        S3::NotFound {
            path: "x".into(),
            source: body.to_owned().into(),
        }
    }

    #[test]
    fn every_failure_has_a_sentence_that_says_what_helps() {
        use ErrorKind::{NotFound, OutOfSpace, Unavailable};
        let cases = [
            (
                answer("403 Forbidden", "InvalidAccessKeyId"),
                Unavailable,
                "access key",
            ),
            (
                answer("403 Forbidden", "SignatureDoesNotMatch"),
                Unavailable,
                "secret key",
            ),
            (
                answer("403 Forbidden", "AccessDenied"),
                Unavailable,
                "let this access key",
            ),
            (
                answer("403 Forbidden", "RequestTimeTooSkewed"),
                Unavailable,
                "clock",
            ),
            (
                missing("<Code>NoSuchBucket</Code>"),
                Unavailable,
                "has no bucket called films",
            ),
            (
                missing("<Code>NoSuchKey</Code>"),
                NotFound,
                "no such object",
            ),
            (
                answer("507 Insufficient Storage", "XMinioStorageFull"),
                OutOfSpace,
                "is full",
            ),
            (
                answer("507 Insufficient Storage", ""),
                OutOfSpace,
                "is full",
            ),
            (
                answer("503 Service Unavailable", "SlowDown"),
                Unavailable,
                "too much to do",
            ),
            (
                answer("500 Internal Server Error", "?"),
                Unavailable,
                "too much to do",
            ),
            (
                answer("301 Moved Permanently", "?"),
                Unavailable,
                "not followed",
            ),
            (answer("418 I'm a teapot", "?"), Unavailable, "418"),
            (
                broken(HttpErrorKind::Connect, "refused"),
                Unavailable,
                "does not answer",
            ),
            (
                broken(HttpErrorKind::Timeout, "late"),
                Unavailable,
                "does not answer",
            ),
            (
                broken(HttpErrorKind::Connect, "dns error: x"),
                Unavailable,
                "name nas.local",
            ),
            (
                broken(HttpErrorKind::Connect, "invalid peer certificate"),
                Unavailable,
                "trust",
            ),
            (
                broken(HttpErrorKind::Interrupted, "reset"),
                Unavailable,
                "broke off",
            ),
            (
                broken(HttpErrorKind::Decode, "far too long"),
                Unavailable,
                "does not answer (st",
            ),
        ];
        let endpoint = "http://nas.local:9000".parse().unwrap();
        let address = Address::new(&endpoint, "films");
        for (error, kind, words) in cases {
            let said = address.trouble("storing x", &error);
            assert_eq!(said.kind(), kind, "{said}");
            assert!(said.message().contains(words), "{words:?} in {said}");
        }
    }
}
