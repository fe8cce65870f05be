//! The way into a bucket: hash, send, ask back, and only then let go of the local file. What does
//! not belong here: which file, and its row.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use model::error::{Error, ErrorKind, Result, kind_of_io};
use model::segment::ObjectKey;
use object_store::path::Path as Name;
use object_store::{
    Attribute, Attributes, GetOptions, MultipartUpload, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload,
};

use crate::bucket::client::Client;
use crate::bucket::wire::time_for;
use crate::digest::copy_and_hash;
use crate::folder::open_regular;
use crate::{StoredObject, blocking};

/// Up to this length an object is sent in one request, from memory.
const SINGLE_BYTES: u64 = 16 * 1024 * 1024;
/// The parts of longer ones. S3 wants at least 5 MiB and at most ten thousand parts.
const PART_BYTES: u64 = 16 * 1024 * 1024;
/// The name of our hash in an object's metadata.
const HASH: &str = "sha256";
/// Segments never change under their name.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// A file on its way.
struct Parcel {
    file: File,
    object: StoredObject,
    /// The whole file, if it is sent in one request.
    bytes: Option<Bytes>,
}

/// Stores `file` as `key`, verifies that it is there, and removes the file.
pub(super) async fn put_file(
    client: &Client,
    key: &ObjectKey,
    file: &Path,
) -> Result<StoredObject> {
    let (path, doing) = (file.to_owned(), format!("storing {key}"));
    let about = doing.clone();
    let parcel = blocking("reading a file to store", move || pack(&path, &about)).await?;
    let object = parcel.object.clone();
    let name = client.path(key.as_str());
    // Twice: once there, and once more for retries.
    let deadline = time_for(object.size_bytes) * 2;
    let sent = tokio::time::timeout(deadline, send(client, &name, key, parcel, &doing));
    let e_tag = sent
        .await
        .unwrap_or_else(|_elapsed| Err(client.address.silent()))?;
    verify(client, &name, &object, e_tag, &doing).await?;
    remove(file.to_owned(), doing).await?;
    Ok(object)
}

fn pack(path: &Path, doing: &str) -> Result<Parcel> {
    let failed = |error: io::Error| {
        let what = format!("{doing} from {}", path.display());
        Error::caused_by(kind_of_io(&error), what, error)
    };
    let mut file = open_regular(path).map_err(failed)?;
    let size_bytes = file.metadata().map_err(failed)?.len();
    if size_bytes > SINGLE_BYTES {
        let object = copy_and_hash(&mut file, &mut io::sink()).map_err(failed)?;
        io::Seek::rewind(&mut file).map_err(failed)?;
        return Ok(Parcel {
            file,
            object,
            bytes: None,
        });
    }
    let mut bytes = Vec::new();
    let object = copy_and_hash(&mut (&mut file).take(SINGLE_BYTES), &mut bytes).map_err(failed)?;
    Ok(Parcel {
        file,
        object,
        bytes: Some(bytes.into()),
    })
}

/// Returns what the server calls these bytes, if it says so.
async fn send(
    client: &Client,
    name: &Name,
    key: &ObjectKey,
    parcel: Parcel,
    doing: &str,
) -> Result<Option<String>> {
    let attributes = attributes(key, &parcel.object);
    let Some(bytes) = parcel.bytes.clone() else {
        return send_in_parts(client, name, attributes, parcel, doing).await;
    };
    let options = PutOptions {
        attributes,
        ..PutOptions::default()
    };
    let put = client
        .store
        .put_opts(name, PutPayload::from(bytes), options);
    let put = put
        .await
        .map_err(|error| missing_is_odd(client, doing, &error))?;
    Ok(put.e_tag)
}

async fn send_in_parts(
    client: &Client,
    name: &Name,
    attributes: Attributes,
    parcel: Parcel,
    doing: &str,
) -> Result<Option<String>> {
    let options = PutMultipartOptions {
        attributes,
        ..PutMultipartOptions::default()
    };
    let begun = client.store.put_multipart_opts(name, options).await;
    let mut upload = begun.map_err(|error| missing_is_odd(client, doing, &error))?;
    let sent = send_parts(client, upload.as_mut(), parcel, doing).await;
    if sent.is_err() {
        // Parts that stay cost the owner space. What a crash leaves, the server's own rule for
        // unfinished uploads removes; S3 does not show them among the objects.
        let _ = upload.abort().await;
    }
    sent
}

async fn send_parts(
    client: &Client,
    upload: &mut dyn MultipartUpload,
    parcel: Parcel,
    doing: &str,
) -> Result<Option<String>> {
    let mut file = parcel.file;
    loop {
        let about = doing.to_owned();
        let (back, part) = blocking("reading a part to store", move || {
            let mut part = Vec::new();
            let read = (&mut file).take(PART_BYTES).read_to_end(&mut part);
            read.map_err(|error| Error::caused_by(kind_of_io(&error), about, error))?;
            Ok((file, part))
        })
        .await?;
        if part.is_empty() {
            break;
        }
        file = back;
        let put = upload.put_part(PutPayload::from(part));
        put.await
            .map_err(|error| missing_is_odd(client, doing, &error))?;
    }
    let done = upload.complete().await;
    Ok(done
        .map_err(|error| missing_is_odd(client, doing, &error))?
        .e_tag)
}

/// What players and caches should know, where they fetch objects without us.
fn attributes(key: &ObjectKey, object: &StoredObject) -> Attributes {
    let kind = match key.as_str().rsplit_once('.') {
        Some((_, "jpg")) => "image/jpeg",
        Some((_, "m4s")) => "video/mp4",
        Some((_, "vtt")) => "text/vtt; charset=utf-8",
        _ => "application/octet-stream",
    };
    Attributes::from_iter([
        (Attribute::ContentType, kind.to_owned()),
        (Attribute::CacheControl, FOR_EVER.to_owned()),
        (Attribute::Metadata(HASH.into()), object.sha256.clone()),
    ])
}

/// The object must be there, as long as the file, and say our hash, or, if the server keeps no
/// metadata, be what it called the bytes that it got. The bytes themselves were signed with their
/// hash on the way, so a server that took others would have refused them.
async fn verify(
    client: &Client,
    name: &Name,
    object: &StoredObject,
    e_tag: Option<String>,
    doing: &str,
) -> Result<()> {
    let head = GetOptions {
        head: true,
        ..GetOptions::default()
    };
    let found = client.store.get_opts(name, head).await;
    let found = found.map_err(|error| missing_is_odd(client, doing, &error))?;
    let hash = found.attributes.get(&Attribute::Metadata(HASH.into()));
    let same = match hash {
        Some(hash) => hash.as_ref() == object.sha256,
        None => e_tag.is_some() && found.meta.e_tag == e_tag,
    };
    if same && found.meta.size == object.size_bytes {
        return Ok(());
    }
    Err(client.address.unavailable(&format!(
        "says that it stored an object, but has another one ({doing})."
    )))
}

/// While something is stored, an object that is not there is the bucket's failure.
fn missing_is_odd(client: &Client, doing: &str, error: &object_store::Error) -> Error {
    let error = client.address.trouble(doing, error);
    if error.kind() != ErrorKind::NotFound {
        return error;
    }
    client.address.unavailable(&format!(
        "says that it stored an object, but does not have it ({doing})."
    ))
}

async fn remove(file: PathBuf, doing: String) -> Result<()> {
    blocking("removing a stored file", move || {
        std::fs::remove_file(&file)
            .map_err(|error| Error::caused_by(kind_of_io(&error), doing, error))
    })
    .await
}
