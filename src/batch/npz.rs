//! Arrays in `.npz` files, which are zip archives with one `.npy` per array, stored or deflated.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use super::array::{Array, check_length, too_large};
use super::bytes::ByteRange;
use super::npy::Header;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::tensor::TensorSpec;

/// The largest compression ratio of deflate. An entry that declares more is damaged.
const LARGEST_RATIO: u64 = 1032;

/// Opens the array `name`, one of the model's `inputs`. If `any` is set and the archive has only one array,
/// that array is opened under any name.
pub(super) fn open(path: &Path, name: &str, any: bool, inputs: &[TensorSpec]) -> Result<Array> {
    let failed = |source| Error::io("read", path, source);
    let mut file = File::open(path).map_err(failed)?;
    let file_length = file.metadata().map_err(failed)?.len();
    let mut archive = ZipArchive::new(file.try_clone().map_err(failed)?)
        .context(ErrorKind::Format, || format!("{}: is empty, cut off or no .npz file", path.display()))
        .map_err(|error| error.with_remedy("write the file with numpy.savez"))?;
    let (index, name) = match find(&archive, name, any) {
        Ok(found) => found,
        Err(present) => return Err(missing(path, name, any, &present, inputs)),
    };
    let label = format!("{}: array '{name}'", path.display());

    let damaged = || format!("{label}: the zip entry is damaged");
    let entry = archive.by_index_raw(index).context(ErrorKind::Format, damaged)?;
    let (size, compressed, method) = (entry.size(), entry.compressed_size(), entry.compression());
    let (encrypted, checksum) = (entry.encrypted(), entry.crc32());
    let start = entry.data_start().ok_or_else(|| Error::new(ErrorKind::Format, damaged()))?;
    drop(entry);
    if encrypted || !matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated) {
        let how = if encrypted { "encrypted".into() } else { format!("compressed with {method}") };
        return Err(Error::new(ErrorKind::Unsupported, format!("{label}: is {how}"))
            .with_remedy("write the file with numpy.savez or numpy.savez_compressed"));
    }
    let stored = method == CompressionMethod::Stored;
    let possible = if stored { compressed } else { compressed.saturating_mul(LARGEST_RATIO) };
    if start.checked_add(compressed).is_none_or(|end| end > file_length) || size > possible {
        return Err(Error::new(ErrorKind::Format, damaged()).with_remedy("write the file again"));
    }

    file.seek(SeekFrom::Start(start)).map_err(failed)?;
    let mut plain = file.take(compressed);
    let header = match stored {
        true => Header::read(&mut plain, &label),
        false => Header::read(&mut DeflateDecoder::new(plain), &label),
    }?;
    check(&label, &header, size)?;
    let place = ByteRange {
        path: path.to_owned(),
        start,
        deflated: (!stored).then_some(compressed),
        header: header.length,
        checksum: Some(checksum),
    };
    Array::new(label, header, place)
}

fn check(label: &str, header: &Header, size: u64) -> Result<()> {
    let expected = header.data_length().map_err(|error| too_large(label, &error))?;
    check_length(label, &header.shape, header.dtype, expected, size.saturating_sub(header.length))
}

/// Finds the entry of array `name` and the array's real name. Fails with the names of all arrays.
fn find(archive: &ZipArchive<File>, name: &str, any: bool) -> Result<(usize, String), Vec<String>> {
    let mut present = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.name_for_index(index).and_then(|entry| entry.ok()).unwrap_or_default();
        let array = entry.strip_suffix(".npy").unwrap_or(&entry);
        if array == name {
            return Ok((index, array.to_owned()));
        }
        present.push(array.to_owned());
    }
    match &present[..] {
        [only] if any => Ok((0, only.clone())),
        _ => Err(present),
    }
}

fn missing(path: &Path, name: &str, named: bool, present: &[String], inputs: &[TensorSpec]) -> Error {
    let list = match present {
        [] => "it is empty".to_owned(),
        _ => format!("it has '{}'", present.join("', '")),
    };
    let message = format!("{}: no array '{name}'; {list}", path.display());
    let mut remedy =
        format!("name the array like the model's input: numpy.savez(file, **{{'{name}': array}})");
    if !named && inputs.len() > 1 {
        let paths: Vec<String> = inputs.iter().map(|input| format!("{}=PATH", input.name)).collect();
        remedy += &format!(", or give each input a file of its own: {}", paths.join(" "));
    }
    Error::new(ErrorKind::Data, message).with_remedy(remedy)
}
