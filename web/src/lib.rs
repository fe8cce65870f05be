//! What browsers see: templates, and the scripts, styles and pictures that `npm run build` made.
//! Everything is embedded in the binary.
//!
//! Words, icons, colours and components live here and nowhere else. What does not belong here:
//! HTTP, the catalog, any decision about who may see what. Start with [`page::render`].

pub mod asset;
pub mod page;
pub mod qr;

mod format;
#[cfg(test)]
mod samples;
