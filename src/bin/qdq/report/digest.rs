//! Sizes and SHA-256 of files and folders.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use qdq::error::{Error, Result};
use qdq::report::document::FileEntry;
use sha2::{Digest, Sha256};

/// The bytes that are read at once.
const PIECE: usize = 1 << 20;

/// Describes a file or folder that a command reads or writes.
///
/// The digest of a folder is that of the list that `sha256sum` prints for all its files, sorted by path.
///
/// # Errors
/// `Io` if something cannot be read.
pub fn entry(role: &str, path: &Path) -> Result<FileEntry> {
    let failed = |error| Error::io("read", path, error);
    let found = std::fs::metadata(path).map_err(failed)?;
    let (bytes, sha256) = if found.is_dir() {
        let mut files = Vec::new();
        collect(path, &mut files)?;
        files.sort();
        let (mut bytes, mut list) = (0, Sha256::new());
        for file in &files {
            let (size, digest) = of_file(file)?;
            let name = file.strip_prefix(path).unwrap_or(file).display();
            list.update(format!("{digest}  {name}\n"));
            bytes += size;
        }
        (bytes, Some(hex(list)))
    } else if found.is_file() {
        let (size, digest) = of_file(path)?;
        (size, Some(digest))
    } else {
        (0, None)
    };
    Ok(FileEntry { role: role.to_owned(), path: path.display().to_string(), bytes, sha256 })
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |error| Error::io("read", folder, error);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        match path.is_dir() {
            true => collect(&path, files)?,
            false => files.extend(path.is_file().then_some(path)),
        }
    }
    Ok(())
}

fn of_file(path: &Path) -> Result<(u64, String)> {
    let failed = |error| Error::io("read", path, error);
    let mut file = File::open(path).map_err(failed)?;
    let (mut digest, mut size, mut piece) = (Sha256::new(), 0, vec![0; PIECE]);
    loop {
        let read = file.read(&mut piece).map_err(failed)?;
        if read == 0 {
            return Ok((size, hex(digest)));
        }
        digest.update(&piece[..read]);
        size += read as u64;
    }
}

fn hex(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_sha256sum() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("b"), "abc").unwrap();
        std::fs::create_dir(at("a")).unwrap();
        std::fs::write(at("a/c"), "").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let file = entry("data", &at("b")).unwrap();
        assert_eq!((file.bytes, file.sha256.as_deref()), (3, Some(abc)));
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let list = format!("{empty}  a/c\n{abc}  b\n");
        let whole = entry("data", folder.path()).unwrap();
        assert_eq!((whole.bytes, whole.sha256), (3, Some(hex(Sha256::new_with_prefix(list)))));
        assert!(entry("data", &at("missing")).unwrap_err().message().contains("missing"));
        let device = entry("data", Path::new("/dev/null")).unwrap();
        assert_eq!(device.sha256, None);
    }
}
