//! Properties that clients attach to files: kept in memory, few and small.
//!
//! Films need none of them; they are there because clients expect to read back what they wrote.
//! They are gone after a restart, and move and go with their files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use webdav_handler::fs::DavProp;

/// Most properties, all files together.
const MOST: usize = 4_096;
/// Most of one file.
const MOST_OF_ONE: usize = 64;
/// Longest value, in bytes of XML.
const VALUE_BYTES: usize = 4 * 1024;

/// A namespace and a name.
type Name = (Option<String>, String);

/// The properties of all files. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Props {
    kept: Arc<Mutex<BTreeMap<PathBuf, BTreeMap<Name, DavProp>>>>,
}

impl Props {
    fn kept(&self) -> MutexGuard<'_, BTreeMap<PathBuf, BTreeMap<Name, DavProp>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets a property; false if there is no room for it.
    pub(crate) fn set(&self, path: &Path, prop: DavProp) -> bool {
        let mut kept = self.kept();
        let count: usize = kept.values().map(BTreeMap::len).sum();
        let of_one = kept.entry(path.to_owned()).or_default();
        let name = name(&prop);
        let is_new = !of_one.contains_key(&name);
        let is_long = prop.xml.as_ref().is_some_and(|xml| xml.len() > VALUE_BYTES);
        let fits = !is_long && (!is_new || (count < MOST && of_one.len() < MOST_OF_ONE));
        if fits {
            of_one.insert(name, prop);
        } else if of_one.is_empty() {
            kept.remove(path);
        }
        fits
    }

    /// Removes a property; one that is not there counts as removed.
    pub(crate) fn unset(&self, path: &Path, prop: &DavProp) {
        let mut kept = self.kept();
        if let Some(of_one) = kept.get_mut(path) {
            of_one.remove(&name(prop));
            if of_one.is_empty() {
                kept.remove(path);
            }
        }
    }

    /// All properties of a file, with their values only if wanted.
    pub(crate) fn all(&self, path: &Path, with_values: bool) -> Vec<DavProp> {
        let kept = self.kept();
        let props = kept.get(path).into_iter().flat_map(BTreeMap::values);
        let shown = props.cloned().map(|prop| DavProp {
            xml: prop.xml.filter(|_| with_values),
            ..prop
        });
        shown.collect()
    }

    /// One property's value.
    pub(crate) fn one(&self, path: &Path, prop: &DavProp) -> Option<Vec<u8>> {
        self.kept().get(path)?.get(&name(prop))?.xml.clone()
    }

    /// A file or a folder goes, and all that is in it.
    pub(crate) fn removed(&self, path: &Path) {
        self.kept().retain(|kept, _| !kept.starts_with(path));
    }

    /// A file or a folder is called otherwise.
    pub(crate) fn moved(&self, from: &Path, to: &Path) {
        self.copy(from, to);
        self.removed(from);
    }

    /// A file got a copy.
    pub(crate) fn copied(&self, from: &Path, to: &Path) {
        self.copy(from, to);
    }

    fn copy(&self, from: &Path, to: &Path) {
        let mut kept = self.kept();
        let below: Vec<_> = kept
            .iter()
            .filter_map(|(path, props)| {
                let rest = path.strip_prefix(from).ok()?;
                let path = if rest.as_os_str().is_empty() {
                    to.to_owned()
                } else {
                    to.join(rest)
                };
                Some((path, props.clone()))
            })
            .collect();
        let count: usize = kept.values().map(BTreeMap::len).sum();
        let more: usize = below.iter().map(|(_, props)| props.len()).sum();
        if count + more <= MOST {
            kept.extend(below);
        }
    }
}

fn name(prop: &DavProp) -> Name {
    (prop.namespace.clone(), prop.name.clone())
}

#[cfg(test)]
mod tests {
    use super::{MOST_OF_ONE, Props};
    use std::path::Path;
    use webdav_handler::fs::DavProp;

    fn prop(name: &str, value: &str) -> DavProp {
        DavProp::new(name.into(), "x".into(), "urn:x".into(), value.into())
    }

    #[test]
    fn properties_go_where_their_files_go() {
        let props = Props::default();
        let [film, folder] = ["/f/a.mp4", "/f"].map(Path::new);
        assert!(props.set(film, prop("colour", "red")));
        props.moved(folder, Path::new("/g"));
        assert!(props.all(film, true).is_empty());
        let moved = Path::new("/g/a.mp4");
        let value = props.one(moved, &prop("colour", "")).unwrap();
        assert!(String::from_utf8(value).unwrap().contains("red"));
        props.unset(moved, &prop("colour", ""));
        assert!(props.all(moved, true).is_empty());
    }

    #[test]
    fn there_is_room_for_few_and_small_ones() {
        let props = Props::default();
        let film = Path::new("/a.mp4");
        for index in 0..MOST_OF_ONE {
            assert!(props.set(film, prop(&format!("p{index}"), "x")));
        }
        assert!(!props.set(film, prop("more", "x")), "one too many");
        assert!(props.set(film, prop("p0", "y")), "known ones change");
        let long = prop("p0", &"x".repeat(10_000));
        assert!(!props.set(film, long), "too long");
    }
}
