//! The search for the TensorRT libraries.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Version;
use crate::error::{Error, ErrorKind, Result};
use crate::locate::{python_packages, python_prefixes};

/// The environment variable that names the library or its folder.
const QDQ_TENSORRT: &str = "QDQ_TENSORRT";

/// TensorRT's library and its ONNX parser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Libraries {
    /// libnvinfer or libtensorrt_rtx.
    pub infer: PathBuf,
    /// libnvonnxparser or libtensorrt_onnxparser_rtx.
    pub parser: PathBuf,
}

/// Finds the libraries of the major version that qdq was compiled with.
///
/// Searches these places in order:
///
/// 1. `explicit`, the path of libnvinfer or libtensorrt_rtx, or of its folder.
/// 2. The environment variable `QDQ_TENSORRT`, with the same meaning.
/// 3. The usual folders.
/// 4. The Python packages of TensorRT.
/// 5. The system's loader.
///
/// # Errors
/// `InvalidArgument` if the place that was named does not have these libraries; `Unsupported` if qdq was
/// built without TensorRT.
pub fn find_tensorrt(explicit: Option<&Path>) -> Result<Libraries> {
    let version = super::compiled().ok_or_else(super::without)?;
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    Search { version, variable }.find(explicit)
}

/// The search. A test can replace the environment variables.
struct Search<V: Fn(&str) -> Option<OsString>> {
    version: Version,
    variable: V,
}

impl<V: Fn(&str) -> Option<OsString>> Search<V> {
    fn find(&self, explicit: Option<&Path>) -> Result<Libraries> {
        let named = (self.variable)(QDQ_TENSORRT).map(PathBuf::from);
        let (source, asked) = match (explicit, named) {
            (Some(path), _) => ("", Some(path.to_owned())),
            (None, Some(path)) => (" (from QDQ_TENSORRT)", Some(path)),
            (None, None) => ("", None),
        };
        if let Some(path) = asked {
            return self.at(&path).ok_or_else(|| {
                let [infer, parser] = self.names();
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!("{}{source}: there are no {infer} and {parser}", path.display()),
                )
                .with_remedy(format!(
                    "give the folder in which both lie; this qdq was compiled for {}",
                    self.version
                ))
            });
        }
        let installed = self.folders().into_iter().find_map(|folder| self.in_folder(&folder));
        let [infer, parser] = self.names().map(PathBuf::from);
        Ok(installed.unwrap_or(Libraries { infer, parser }))
    }

    /// Returns the libraries at a path that the user named.
    fn at(&self, path: &Path) -> Option<Libraries> {
        if path.is_dir() {
            return self.in_folder(path);
        }
        let parser = path.parent()?.join(&self.names()[1]);
        (path.is_file() && parser.is_file()).then(|| Libraries { infer: path.to_owned(), parser })
    }

    fn in_folder(&self, folder: &Path) -> Option<Libraries> {
        let [infer, parser] = self.names().map(|name| folder.join(name));
        (infer.is_file() && parser.is_file()).then_some(Libraries { infer, parser })
    }

    /// Returns the file names of the libraries, with the number of the binary interface.
    fn names(&self) -> [String; 2] {
        let stems = if self.version.is_rtx() {
            ["tensorrt_rtx", "tensorrt_onnxparser_rtx"]
        } else {
            ["nvinfer", "nvonnxparser"]
        };
        stems.map(|stem| match std::env::consts::OS {
            "windows" => format!("{stem}_{}.dll", self.version.major),
            _ => format!("lib{stem}.so.{}", self.version.major),
        })
    }

    fn folders(&self) -> Vec<PathBuf> {
        let architecture = std::env::consts::ARCH;
        let system = [format!("/usr/lib/{architecture}-linux-gnu"), "/usr/lib64".into(), "/usr/lib".into()];
        let own = ["/usr/local/tensorrt/lib", "/opt/tensorrt/lib", "/usr/local/lib"];
        let python = python_prefixes(&self.variable).into_iter().flat_map(|prefix| python_packages(&prefix));
        let packages = ["tensorrt_libs", "tensorrt_rtx_libs", "tensorrt", "tensorrt_rtx"];
        system
            .into_iter()
            .chain(own.map(str::to_owned))
            .map(PathBuf::from)
            .chain(python.flat_map(|folder| packages.map(|package| folder.join(package))))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTX: Version = Version { major: 1, minor: 7, patch: 1 };
    const CLASSIC: Version = Version { major: 10, minor: 3, patch: 0 };

    fn search(
        version: Version,
        variables: Vec<(&'static str, PathBuf)>,
    ) -> Search<impl Fn(&str) -> Option<OsString>> {
        Search {
            version,
            variable: move |name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| value.clone().into_os_string())
            },
        }
    }

    fn put(folder: &Path, names: &[&str]) {
        std::fs::create_dir_all(folder).unwrap();
        for name in names {
            std::fs::write(folder.join(name), b"").unwrap();
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_asked_for_is_taken_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), &["libnvinfer.so.10", "libnvonnxparser.so.10", "libtensorrt_rtx.so.1"]);
        let infer = folder.path().join("libnvinfer.so.10");
        let expected =
            Libraries { infer: infer.clone(), parser: folder.path().join("libnvonnxparser.so.10") };
        for given in [folder.path(), &infer] {
            assert_eq!(search(CLASSIC, vec![]).find(Some(given)).unwrap(), expected);
            let named = search(CLASSIC, vec![(QDQ_TENSORRT, given.to_owned())]);
            assert_eq!(named.find(None).unwrap(), expected);
        }
        let error = search(RTX, vec![(QDQ_TENSORRT, folder.path().to_owned())]).find(None).unwrap_err();
        assert!(
            error.message().contains("(from QDQ_TENSORRT): there are no libtensorrt_rtx.so.1 and"),
            "{error}"
        );
        let error = search(CLASSIC, vec![]).find(Some(&folder.path().join("none"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn python_packages_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("lib/python3.12/site-packages/tensorrt_rtx_libs");
        put(&package, &["libtensorrt_rtx.so.1", "libtensorrt_onnxparser_rtx.so.1"]);
        let found = search(RTX, vec![("VIRTUAL_ENV", folder.path().to_owned())]).find(None).unwrap();
        assert_eq!(found.infer, package.join("libtensorrt_rtx.so.1"));
    }
}
