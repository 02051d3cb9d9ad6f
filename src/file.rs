//! Files: atomic writing, and detection of Git LFS pointers and empty files.

use std::fmt::Display;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use tempfile::Builder;

use crate::error::{Error, ErrorKind, Result};

/// Writes the file `path` atomically.
///
/// `write` fills a temporary file in the same folder. It is synced and then renamed over the old file. A
/// crash, a full disk or an error from `write` leaves the old file unchanged. A killed process also leaves
/// its temporary file, `.qdq-*.tmp`, which can be deleted.
///
/// An existing path that is no regular file (a device such as `/dev/stdout`, a pipe) is written directly:
/// renaming would replace the device.
pub fn write_atomic(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let failed = |source| Error::io("write", path, source);
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        if path.is_dir() {
            return Err(Error::new(ErrorKind::InvalidArgument, format!("{}: is a folder", path.display()))
                .with_remedy("give the name of a file"));
        }
        let mut out = BufWriter::new(File::options().write(true).open(path).map_err(failed)?);
        write(&mut out)?;
        return out.flush().map_err(failed);
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let temporary = Builder::new().prefix(".qdq-").suffix(".tmp").tempfile_in(folder).map_err(failed)?;
    let mut out = BufWriter::new(temporary);
    write(&mut out)?;
    let temporary = out.into_inner().map_err(|error| failed(error.into_error()))?;
    temporary.as_file().sync_all().map_err(failed)?;
    make_readable_like_a_new_file(temporary.as_file(), path).map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Fails if `content`, or its beginning, is a Git LFS pointer instead of the file itself.
///
/// Git LFS leaves a pointer in place of a file until the file is fetched.
///
/// # Errors
/// `Format`, with a remedy that fetches the file.
pub fn check_is_no_pointer(path: impl Display, content: &[u8]) -> Result<()> {
    if !content.starts_with(POINTER) {
        return Ok(());
    }
    let message = format!("{path}: is a pointer of Git LFS, not the file itself");
    Err(Error::new(ErrorKind::Format, message)
        .with_remedy("fetch the file: `git lfs pull` in its repository, or download it by itself"))
}

/// Fails if a file is empty. A full disk or an interrupted copy leaves such files.
///
/// # Errors
/// `Format`, with a remedy.
pub fn check_is_not_empty(path: impl Display, content: &[u8]) -> Result<()> {
    if !content.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Format, format!("{path}: is empty"))
        .with_remedy("take the file from its source again, or make it anew"))
}

/// The first bytes of a Git LFS pointer.
const POINTER: &[u8] = b"version https://git-lfs";

/// Returns the error to report for a file that could not be used: the error of
/// [`check_is_no_pointer`] if the file is a Git LFS pointer, otherwise `error`.
pub fn explained(path: &Path, error: Error) -> Error {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(POINTER.len() as u64).read_to_end(&mut start));
    match check_is_no_pointer(path.display(), &start) {
        Err(pointer) if read.is_ok() => pointer,
        _ => error,
    }
}

/// Gives a temporary file, which is private to the user, the permissions of the old file. Without an old
/// file, it gets those of an ordinary new one.
#[cfg(unix)]
fn make_readable_like_a_new_file(file: &File, path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = match std::fs::metadata(path) {
        Ok(old) => old.permissions().mode() & 0o777,
        Err(_) => 0o644,
    };
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn make_readable_like_a_new_file(_: &File, _: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_the_old_file_and_leaves_no_neighbour() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        write_atomic(&path, |out| out.write_all(b"old").map_err(|e| Error::io("write", &path, e))).unwrap();
        let failed = write_atomic(&path, |out| {
            out.write_all(b"half").unwrap();
            Err(Error::new(ErrorKind::Data, "stopped"))
        });
        assert_eq!(failed.unwrap_err().message(), "stopped");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let path = Path::new("/dev/full");
        if path.exists() {
            let failed =
                write_atomic(path, |out| out.write_all(b"x").map_err(|e| Error::io("write", path, e)));
            assert_eq!(failed.unwrap_err().kind(), ErrorKind::Io);
        }
    }

    #[test]
    fn a_missing_folder_names_the_file() {
        let failed = write_atomic(Path::new("/nowhere/at/all"), |_| Ok(())).unwrap_err();
        assert!(failed.to_string().contains("/nowhere/at/all"), "{failed}");
    }
}
