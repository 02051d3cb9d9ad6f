//! The search for libraries that are opened at run time.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Lists the prefixes of Python installations, the most specific first, each once.
///
/// These are the active virtual or conda environment, those of the programs in `PATH`, the user's and the
/// system's. `variable` reads the environment.
pub fn python_prefixes(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let path = |name| variable(name).map(PathBuf::from);
    let programs = variable("PATH").unwrap_or_default();
    let beside_programs = std::env::split_paths(&programs).filter_map(|bin| Some(bin.parent()?.to_owned()));
    let mut prefixes: Vec<PathBuf> = Vec::new();
    for prefix in ["VIRTUAL_ENV", "CONDA_PREFIX"]
        .into_iter()
        .filter_map(path)
        .chain(beside_programs)
        .chain(path("HOME").map(|home| home.join(".local")))
        .chain(["/usr/local", "/usr"].map(PathBuf::from))
    {
        if prefix.is_absolute() && !prefixes.contains(&prefix) {
            prefixes.push(prefix);
        }
    }
    prefixes
}

/// Lists the folders below a prefix that can contain Python packages, those of the newest Python first.
pub fn python_packages(prefix: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for lib in ["lib", "lib64", "Lib"] {
        let lib = prefix.join(lib);
        let versions = newest_first(&lib, |name| name.starts_with("python3"));
        for python in versions.into_iter().chain([lib]) {
            folders.extend(["site-packages", "dist-packages"].map(|packages| python.join(packages)));
        }
    }
    folders
}

/// Lists the entries of `folder` whose name fits. The order follows the numbers in the names, largest first.
pub fn newest_first(folder: &Path, fits: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<(Vec<u64>, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?;
            fits(name).then(|| (numbers(name), path.clone()))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

/// Returns the numbers in a name: `python3.12` gives 3 and 12.
fn numbers(name: &str) -> Vec<u64> {
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}
