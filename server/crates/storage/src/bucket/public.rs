//! The public address in front of a bucket, tried out as a player would use it: without keys. What
//! is there must be readable, and nobody may see what else there is.
//!
//! What does not belong here: which pieces are fetched there (`delivery`).

use std::time::Duration;

use model::error::{Error, ErrorKind, Result};
use model::settings::Bucket;

/// How long an answer may take while somebody looks at the screen.
const DEADLINE: Duration = Duration::from_secs(10);
/// The answer is a few words, or something that is not ours.
const MOST_BYTES: usize = 64 * 1024;

/// Fetches the object `name`, which holds `words`, and asks for a listing, which must be refused.
pub(super) async fn try_out(bucket: &Bucket, base: &str, name: &str, words: &[u8]) -> Result<()> {
    let Some(address) = bucket.public_address(name) else {
        return Err(unavailable(
            base,
            "is no address. It looks like https://cdn.example.org/films.",
        ));
    };
    let client = reqwest::Client::builder()
        .no_proxy()
        .user_agent("Homereel")
        .timeout(DEADLINE)
        .build();
    let client = client.map_err(|error| silent(base, error))?;
    let (status, bytes) = fetch(&client, &address, base).await?;
    if status != reqwest::StatusCode::OK {
        let what =
            format!("answers {status} to an object that is there. Players would get the same");
        return Err(unavailable(base, &format!("{what}.")));
    }
    if bytes != words {
        let what = "answers with something else than the bucket has. Does it lead to this bucket?";
        return Err(unavailable(base, what));
    }
    let listing = format!("{}/?list-type=2", base.trim().trim_end_matches('/'));
    let (status, bytes) = fetch(&client, &listing, base).await?;
    let is_listing = bytes.windows(10).any(|window| window == b"ListBucket");
    if status.is_success() && is_listing {
        let what = "lists everything to everyone, private titles too. Let it serve objects only.";
        return Err(unavailable(base, what));
    }
    Ok(())
}

async fn fetch(
    client: &reqwest::Client,
    address: &str,
    base: &str,
) -> Result<(reqwest::StatusCode, Vec<u8>)> {
    let answer = client.get(address).send().await;
    let mut answer = answer.map_err(|error| silent(base, error))?;
    let (status, mut bytes) = (answer.status(), Vec::new());
    while let Some(chunk) = answer.chunk().await.map_err(|error| silent(base, error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MOST_BYTES {
            break;
        }
    }
    Ok((status, bytes))
}

fn unavailable(base: &str, what: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!("The public address {} {what}", base.trim()),
    )
}

fn silent(base: &str, error: reqwest::Error) -> Error {
    let message = format!("The public address {} does not answer.", base.trim());
    Error::caused_by(ErrorKind::Unavailable, message, error)
}
