//! The media engine behind `homereel-worker`: inspects, encodes and packages one file.
//!
//! [`serve`] answers the server's requests; [`inspect`] reads a file's structure and cuts its
//! grid; [`prepare`] writes init segments; [`picture`] and [`sound`] make segments;
//! [`isobmff`] writes their boxes and [`packaging`] their files; [`poster`] takes
//! the liveliest [`still`]s by their [`liveliness`], a [`cover`], or draws [`bars`], and [`thumbs`]
//! takes many small ones; [`text`] turns subtitles into WebVTT, and [`sidecar`]
//! those in files of their own. [`hardware`] is encoding in graphics hardware. [`av`] wraps libav and holds all of its `unsafe`; [`sandbox`] locks
//! the process in before it reads. What does not belong here: the network, databases, paths,
//! credentials. The worker sees one open input file and one open folder.

pub mod av;
pub mod bars;
pub mod copy;
pub mod cover;
pub mod cursor;
pub mod descriptors;
pub mod events;
pub mod failure;
pub mod geometry;
pub mod hardware;
pub mod inspect;
pub mod isobmff;
pub mod liveliness;
pub mod output;
pub mod packaging;
pub mod picture;
pub mod poster;
pub mod prepare;
pub mod pulse;
pub mod sandbox;
pub mod serve;
pub mod sidecar;
pub mod sound;
pub mod source_file;
pub mod still;
pub mod text;
pub mod thumbs;
pub mod timeline;
