//! Checks the output paths before the work starts, so that hours of calibration do not end at a missing
//! folder.

use std::path::{Path, PathBuf};

use qdq::error::{Error, ErrorKind, Result};
use qdq::onnx::Model;

/// Refuses outputs that cannot be written, that name one file twice, or that would replace one of `inputs`.
pub fn check<'a>(
    outputs: impl IntoIterator<Item = &'a Path>,
    inputs: impl IntoIterator<Item = &'a Path>,
) -> Result<()> {
    let inputs: Vec<PathBuf> = inputs.into_iter().filter_map(|input| input.canonicalize().ok()).collect();
    let mut seen: Vec<PathBuf> = Vec::new();
    for output in outputs {
        let shown = output.display();
        let folder = match output.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let Some(name) = output.file_name().filter(|_| !output.is_dir()) else {
            return Err(Error::new(ErrorKind::InvalidArgument, format!("{shown}: is a folder"))
                .with_remedy("give the name of a file"));
        };
        let real_folder = folder.canonicalize().map_err(|source| {
            Error::io("write", output, source)
                .with_remedy(format!("make the folder {} first", folder.display()))
        })?;
        let real = output.canonicalize().unwrap_or_else(|_| real_folder.join(name));
        if is_special(output) {
            continue;
        }
        if inputs.contains(&real) {
            return Err(Error::new(ErrorKind::InvalidArgument, format!("{shown}: is also an input"))
                .with_remedy("write to another file"));
        }
        if seen.contains(&real) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("{shown}: two outputs go to this file"),
            )
            .with_remedy("give each output a file of its own"));
        }
        tempfile::tempfile_in(&real_folder).map_err(|source| {
            Error::io("write", output, source)
                .with_remedy(format!("make sure that files can be made in {}", folder.display()))
        })?;
        seen.push(real);
    }
    Ok(())
}

/// Refuses an output that would replace one of `others`, whether these are there already or will be written.
pub fn check_apart(output: &Path, others: &[PathBuf]) -> Result<()> {
    let is_same = |other: &PathBuf| {
        !is_special(other) && real(other).is_some_and(|real| Some(real) == self::real(output))
    };
    if !others.iter().any(is_same) {
        return Ok(());
    }
    let message = format!("{}: is also another file of this command", output.display());
    Err(Error::new(ErrorKind::InvalidArgument, message).with_remedy("write to another file"))
}

/// Returns the path without links and detours, of a file that may not be there yet.
fn real(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    path.canonicalize().ok().or_else(|| Some(folder.canonicalize().ok()?.join(path.file_name()?)))
}

/// Returns a model's file and the files of its weights, which no output may replace.
///
/// An invalid model gives no error here. Opening it later reports the problem.
pub fn of_model(path: &Path) -> Vec<PathBuf> {
    let data = Model::open(path).map(|model| model.data_files()).unwrap_or_default();
    std::iter::once(path.to_owned()).chain(data).collect()
}

/// Returns whether the path is a device or a pipe. These are written directly.
fn is_special(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_that_cannot_be_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("model"), "").unwrap();
        std::fs::create_dir(at("sub")).unwrap();
        let refused = |outputs: &[PathBuf]| {
            check(outputs.iter().map(PathBuf::as_path), [at("model").as_path()])
                .unwrap_err()
                .message()
                .to_owned()
        };
        assert!(refused(&[at("model")]).ends_with("is also an input"));
        assert!(refused(&[at("sub/../model")]).ends_with("is also an input"));
        assert!(refused(&[at("sub")]).ends_with("is a folder"));
        assert!(refused(&[at("a"), at("sub/../a")]).ends_with("two outputs go to this file"));
        assert!(refused(&[at("missing/a")]).ends_with("cannot write"));
        for (other, is_same) in
            [("model", true), ("sub/../later", true), ("sub/later", false), ("gone/later", false)]
        {
            let outputs = [at("model"), at("later")];
            let found = outputs.iter().any(|output| check_apart(output, &[at(other)]).is_err());
            assert_eq!(found, is_same, "{other}");
        }
        check_apart(Path::new("/dev/null"), &["/dev/null".into()]).unwrap();
        let fine = [at("a"), at("sub/a"), PathBuf::from("/dev/null"), PathBuf::from("/dev/null")];
        check(fine.iter().map(PathBuf::as_path), [at("model").as_path()]).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "a check leaves nothing behind");
    }
}
