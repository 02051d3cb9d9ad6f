//! Relative paths: those of a file count from the folder of the file.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use clap::Arg;

/// Whether a value may begin with the name of an input, as in `mask=masks.npy`.
fn may_have_name(arg: &Arg) -> bool {
    arg.get_value_names().is_some_and(|names| names.iter().any(|name| name.starts_with("[NAME=]")))
}

/// Splits a value into the name of an input with its `=`, and the path.
fn split<'v>(arg: &Arg, value: &'v Path) -> Option<(&'v str, &'v Path)> {
    let text = value.to_str().filter(|_| may_have_name(arg))?;
    let at = text.find('=')? + 1;
    Some((&text[..at], Path::new(&text[at..])))
}

/// Returns the paths that a value may mean.
pub fn readings(arg: &Arg, value: &Path) -> Vec<PathBuf> {
    let behind_name = split(arg, value).map(|(_, path)| path.to_owned());
    std::iter::once(value.to_owned()).chain(behind_name).collect()
}

/// Returns a value whose relative path counts from another folder: `base` leads from there to the folder that
/// it counted from, and `from` to that folder from here.
///
/// A text with a `=` is a whole path if there is such a file, and else has the name of an input in front.
pub fn moved(arg: &Arg, value: &Path, base: &Path, from: &Path) -> OsString {
    match split(arg, value) {
        Some((name, path)) if !from.join(value).exists() => {
            let mut text = OsString::from(name);
            text.push(base.join(path));
            text
        }
        _ => base.join(value).into_os_string(),
    }
}

/// Returns the way from one folder to another; both are absolute and have no links. Without a common folder
/// but the root, the result is `to` itself.
pub fn way(from: &Path, to: &Path) -> PathBuf {
    let common = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    if common < 2 && from != to {
        return to.to_owned();
    }
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    up.chain(to.components().skip(common)).collect()
}
