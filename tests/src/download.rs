//! A finished title as a client can get it: both manifests, every segment, parsed and also laid
//! out in a folder for other programs. What does not belong here: opinions (`verifier`).

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

use crate::api::Api;
use crate::isobmff::fragment::Fragment;
use crate::isobmff::init::Init;
use crate::manifests::dash::{Presentation, Representation};
use crate::manifests::hls::{Master, Media, Variant};

/// Everything a title consists of.
#[derive(Debug)]
pub struct Download {
    /// The MPD.
    pub presentation: Presentation,
    /// The MPD as it was served.
    pub presentation_text: String,
    /// The multivariant playlist.
    pub master: Master,
    /// The streams in the MPD's order.
    pub streams: Vec<Stream>,
    /// Where the manifests are served, ending with a slash; a folder for local ones.
    pub base: String,
    /// The representation that has the damage of its source, if its source has any.
    pub damaged: Option<String>,
    folder: TempDir,
}

/// One quality or audio track.
#[derive(Debug)]
pub struct Stream {
    /// What the MPD says of it.
    pub representation: Representation,
    /// Its HLS playlist.
    pub playlist: Media,
    /// Relative URL of that playlist.
    pub playlist_url: String,
    /// Its init segment.
    pub init: Init,
    /// Its media segments in playing order.
    pub segments: Vec<SegmentFile>,
}

/// A media segment.
#[derive(Debug)]
pub struct SegmentFile {
    /// Relative URL.
    pub url: String,
    /// As it came.
    pub bytes: Vec<u8>,
    /// As it reads.
    pub fragment: Fragment,
}

impl Stream {
    /// Its name in messages.
    pub fn label(&self) -> String {
        let representation = &self.representation;
        let size = representation
            .height
            .map(|height| format!(" {height} lines"));
        format!(
            "stream {} ({}{})",
            representation.id,
            representation.content_type,
            size.unwrap_or_default()
        )
    }

    /// It carries pictures.
    pub fn is_video(&self) -> bool {
        self.init.handler == "vide"
    }

    /// Ticks in a second.
    pub fn timescale(&self) -> i64 {
        i64::from(self.init.timescale)
    }

    /// Presentation times of everything in it, in ticks, in order.
    pub fn presentation_times(&self) -> Vec<i64> {
        let segments = self.segments.iter();
        segments
            .flat_map(|segment| segment.fragment.presentation_times())
            .collect()
    }

    /// Samples in all segments.
    pub fn sample_count(&self) -> usize {
        let segments = self.segments.iter();
        segments.map(|segment| segment.fragment.samples.len()).sum()
    }
}

impl Download {
    /// Fetches the title `id` from a server.
    pub fn of_title(api: &Api, id: &str) -> Result<Self> {
        let base = format!("/media/{id}/");
        let fetch = |name: &str| api.bytes(&format!("{base}{name}"));
        Self::gather(&fetch, api.url(&base)).with_context(|| format!("fetching title {id}"))
    }

    /// Reads a title from a folder that another program wrote.
    pub fn of_folder(folder: &Path) -> Result<Self> {
        let fetch = |name: &str| {
            let path = folder.join(name);
            fs::read(&path).with_context(|| path.display().to_string())
        };
        Self::gather(&fetch, format!("{}/", folder.display()))
    }

    fn gather(fetch: &dyn Fn(&str) -> Result<Vec<u8>>, base: String) -> Result<Self> {
        let text = |name: &str| -> Result<String> { Ok(String::from_utf8(fetch(name)?)?) };
        let presentation_text = text("manifest.mpd")?;
        let presentation = Presentation::parse(&presentation_text)?;
        let master = Master::parse(&text("master.m3u8")?)?;
        let playlists = master
            .playlist_urls()
            .map(|url| Ok((url.to_owned(), Media::parse(&text(url)?)?)))
            .collect::<Result<Vec<_>>>()?;
        let mut download = Self {
            streams: Vec::new(),
            presentation_text,
            master,
            base,
            damaged: None,
            folder: TempDir::with_prefix("homereel-download-")?,
            presentation,
        };
        for representation in download.presentation.representations.clone() {
            let stream = download.gather_stream(fetch, representation, &playlists)?;
            download.streams.push(stream);
        }
        Ok(download)
    }

    fn gather_stream(
        &self,
        fetch: &dyn Fn(&str) -> Result<Vec<u8>>,
        representation: Representation,
        playlists: &[(String, Media)],
    ) -> Result<Stream> {
        let (playlist_url, playlist) = playlists
            .iter()
            .find(|(_, playlist)| playlist.init_url == representation.init_url)
            .with_context(|| format!("no HLS playlist uses {}", representation.init_url))?;
        let init_bytes = self.keep(&representation.init_url, fetch)?;
        let init = Init::parse(&init_bytes).with_context(|| representation.init_url.clone())?;
        let mut segments = Vec::new();
        for segment in &representation.segments {
            let bytes = self.keep(&segment.url, fetch)?;
            segments.push(SegmentFile {
                fragment: Fragment::parse(&init, &bytes).with_context(|| segment.url.clone())?,
                url: segment.url.clone(),
                bytes,
            });
        }
        ensure!(
            !segments.is_empty(),
            "{} has no segments",
            representation.id
        );
        Ok(Stream {
            playlist: playlist.clone(),
            playlist_url: playlist_url.clone(),
            representation,
            init,
            segments,
        })
    }

    /// Fetches a file and lays it into the folder as well.
    fn keep(&self, name: &str, fetch: &dyn Fn(&str) -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        let bytes = fetch(name)?;
        fs::write(self.path(name), &bytes)?;
        Ok(bytes)
    }

    /// Where a downloaded init or media segment lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name.replace('/', "_"))
    }

    /// A file made of the init segment of `stream` and the given segments of it.
    pub fn joined(&self, stream: &Stream, segments: &[SegmentFile]) -> Result<PathBuf> {
        let first = segments.first().context("joining no segments at all")?;
        let mut bytes = fs::read(self.path(&stream.representation.init_url))?;
        for segment in segments {
            bytes.extend(&segment.bytes);
        }
        let path = self.path(&format!("joined-{}-{}.mp4", segments.len(), first.url));
        fs::write(&path, bytes)?;
        Ok(path)
    }

    /// The qualities.
    pub fn pictures(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(|stream| stream.is_video())
    }

    /// Whether that sound is in the group that the variant is played with.
    pub fn plays_with(&self, variant: &Variant, sound: &Stream) -> bool {
        let mut renditions = self.master.renditions.iter();
        renditions.any(|rendition| {
            variant.audio_group.as_ref() == Some(&rendition.group)
                && rendition.url == sound.playlist_url
        })
    }

    /// The audio streams.
    pub fn sounds(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(|stream| !stream.is_video())
    }
}
