//! The search for the ONNX Runtime library.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::locate::{newest_first, python_packages, python_prefixes};
use crate::runtime::HAS_EMBEDDED;

/// The environment variable that names the library or its folder.
const QDQ_ONNXRUNTIME: &str = "QDQ_ONNXRUNTIME";
/// A second such variable, which Rust programs share.
const ORT_DYLIB_PATH: &str = "ORT_DYLIB_PATH";

/// Finds the library of ONNX Runtime.
///
/// Searches these places in order:
///
/// 1. `explicit`, the path of the library or of its folder.
/// 2. The environment variables `QDQ_ONNXRUNTIME` and `ORT_DYLIB_PATH`, with the same meaning.
/// 3. The Python package `onnxruntime` in the active virtual or conda environment, beside the programs in
///    `PATH`, of the user, or of the system.
/// 4. The system's loader, by the name of the library.
///
/// # Errors
/// `InvalidArgument` if the place that was named has no such library; `Runtime` with the list of searched
/// places if none of them has one.
pub fn find_onnxruntime(explicit: Option<&Path>) -> Result<PathBuf> {
    let search = Search { variable: |name| std::env::var_os(name).filter(|value| !value.is_empty()) };
    if let Some(found) = search.asked_for(explicit)? {
        return Ok(found);
    }
    let mut looked = Vec::new();
    if let Some(found) = search.in_python_packages(&mut looked) {
        return Ok(found);
    }
    let name = Path::new(LIBRARY);
    if super::library::version(name).is_ok() {
        return Ok(name.to_owned());
    }
    looked.push(format!("{LIBRARY} (the system's loader)"));
    Err(Error::new(
        ErrorKind::Runtime,
        format!("the library of ONNX Runtime was not found; looked at {}", looked.join(", ")),
    )
    .with_remedy(format!(
        "get {LIBRARY} of a release of ONNX Runtime, or the Python package onnxruntime, and give its path or \
         set {QDQ_ONNXRUNTIME}{}",
        if HAS_EMBEDDED { "; or run it in the embedded runtime" } else { "" }
    )))
}

/// Returns whether the caller or the environment named a library. qdq then reports a failure and does not use
/// another runtime silently.
pub fn is_asked_for(explicit: Option<&Path>) -> bool {
    let named = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    explicit.is_some() || named(QDQ_ONNXRUNTIME) || named(ORT_DYLIB_PATH)
}

#[cfg(target_os = "windows")]
const LIBRARY: &str = "onnxruntime.dll";
#[cfg(target_os = "macos")]
const LIBRARY: &str = "libonnxruntime.dylib";
#[cfg(not(any(target_os = "windows", target_os = "macos")))]
const LIBRARY: &str = "libonnxruntime.so";

/// Returns whether a file name is the library's, with or without a version (`libonnxruntime.so.1.32.0`,
/// `libonnxruntime.1.32.0.dylib`).
///
/// The names of the libraries beside it, such as its providers, do not match.
fn is_library(name: &str) -> bool {
    let (stem, extension) = LIBRARY.split_once('.').unwrap_or((LIBRARY, ""));
    let Some(rest) = name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('.')) else { return false };
    let versions = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '.');
    rest == extension
        || rest.strip_prefix(extension).is_some_and(|version| version.starts_with('.') && versions(version))
        || rest.strip_suffix(extension).is_some_and(versions)
}

/// The search. A test can replace the environment variables.
struct Search<V: Fn(&str) -> Option<OsString>> {
    variable: V,
}

impl<V: Fn(&str) -> Option<OsString>> Search<V> {
    fn asked_for(&self, explicit: Option<&Path>) -> Result<Option<PathBuf>> {
        let variables = [QDQ_ONNXRUNTIME, ORT_DYLIB_PATH];
        let named =
            variables.into_iter().find_map(|name| Some((name, PathBuf::from((self.variable)(name)?))));
        let (source, path) = match (explicit, named) {
            (Some(path), _) => (String::new(), path.to_owned()),
            (None, Some((name, path))) => (format!(" (from {name})"), path),
            (None, None) => return Ok(None),
        };
        let found =
            if path.is_dir() { newest_library(&path) } else { Some(path.clone()).filter(|p| p.exists()) };
        found.map(Some).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!("{}{source}: there is no library of ONNX Runtime", path.display()),
            )
            .with_remedy(format!("give the path of {LIBRARY} or of the folder it lies in"))
        })
    }

    fn in_python_packages(&self, looked: &mut Vec<String>) -> Option<PathBuf> {
        for prefix in python_prefixes(&self.variable) {
            looked.push(format!("{}", prefix.display()));
            let folders = python_packages(&prefix).into_iter();
            let found = folders.map(|folder| folder.join("onnxruntime").join("capi"));
            if let Some(found) = found.filter_map(|folder| newest_library(&folder)).next() {
                return Some(found);
            }
        }
        None
    }
}

fn newest_library(folder: &Path) -> Option<PathBuf> {
    newest_first(folder, is_library).into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(variables: Vec<(&'static str, PathBuf)>) -> Search<impl Fn(&str) -> Option<OsString>> {
        Search {
            variable: move |name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| value.clone().into_os_string())
            },
        }
    }

    fn touch(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"").unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn only_the_library_itself_counts() {
        for (name, expected) in [
            ("libonnxruntime.so", true),
            ("libonnxruntime.so.1.32.0", true),
            ("libonnxruntime.so.1", true),
            ("libonnxruntime.so.bak", false),
            ("libonnxruntime_providers_shared.so", false),
            ("libonnxruntime", false),
        ] {
            assert_eq!(is_library(name), expected, "{name}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_newest_package_of_the_first_place_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let at = |python: &str, name: &str| {
            folder.path().join(format!("lib/{python}/site-packages/onnxruntime/capi/{name}"))
        };
        for path in [
            at("python3.9", "libonnxruntime.so.1.40.0"),
            at("python3.12", "libonnxruntime.so.1.9.0"),
            at("python3.12", "libonnxruntime.so.1.32.0"),
        ] {
            touch(&path);
        }
        let expected = at("python3.12", "libonnxruntime.so.1.32.0");
        let mut looked = Vec::new();
        for (variable, value) in
            [("VIRTUAL_ENV", folder.path().to_owned()), ("PATH", folder.path().join("bin"))]
        {
            let found = search(vec![(variable, value)]).in_python_packages(&mut looked);
            assert_eq!(found.as_deref(), Some(expected.as_path()), "{variable}");
        }
    }

    #[test]
    fn what_is_asked_for_is_taken_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join(LIBRARY);
        let missing = folder.path().join("missing");
        let from_environment = search(vec![(QDQ_ONNXRUNTIME, missing.clone())]);
        let error = from_environment.asked_for(None).unwrap_err().to_string();
        assert!(error.contains("missing (from QDQ_ONNXRUNTIME): there is no library"), "{error}");
        let error = from_environment.asked_for(Some(folder.path())).unwrap_err().to_string();
        assert!(!error.contains("QDQ_ONNXRUNTIME)"), "the argument goes first: {error}");

        touch(&library);
        for given in [folder.path(), library.as_path()] {
            assert_eq!(from_environment.asked_for(Some(given)).unwrap().as_deref(), Some(library.as_path()));
        }
        let shared = search(vec![(ORT_DYLIB_PATH, library.clone())]);
        assert_eq!(shared.asked_for(None).unwrap(), Some(library));
        assert_eq!(search(vec![]).asked_for(None).unwrap(), None);
    }
}
