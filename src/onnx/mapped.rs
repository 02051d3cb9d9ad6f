//! Files as shared bytes, mapped into memory instead of read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use memmap2::Mmap;

use crate::error::{Error, ErrorKind, Result};

/// The largest number of bytes read from a file that cannot be mapped, such as a pipe: the size of one
/// message.
const MAX_READ: u64 = i32::MAX as u64;

/// Returns the content of `path`. The file is mapped instead of read, if the system can map it.
pub(super) fn file_bytes(path: &Path) -> Result<Bytes> {
    let failed = |source| Error::io("read", path, source);
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(Error::new(ErrorKind::InvalidArgument, format!("{}: is a folder", path.display()))
            .with_remedy("give the name of a file"));
    }
    if metadata.is_file() && metadata.len() > 0 {
        return map(&file).map_err(failed);
    }
    let mut content = Vec::new();
    file.take(MAX_READ + 1).read_to_end(&mut content).map_err(failed)?;
    Ok(content.into())
}

#[allow(unsafe_code, reason = "mapping a file is unsafe in every crate that offers it")]
fn map(file: &File) -> std::io::Result<Bytes> {
    // SAFETY: the mapping is private and read-only. `Model::open` requires that its caller does not change
    // the file in place. qdq itself replaces files by renaming, which leaves mappings intact.
    let mapping = unsafe { Mmap::map(file)? };
    Ok(Bytes::from_owner(mapping))
}
