//! An array in a file, read a few samples at a time.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use flate2::read::DeflateDecoder;

use super::npy::Header;
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Tensor;

/// Where the elements are.
pub(super) enum Elements {
    /// In the file, from `start` on.
    Stored { path: PathBuf, start: u64 },
    /// Compressed. Read once from front to back, so that no more than what was asked for is in memory.
    Deflated { stream: DeflateDecoder<std::io::Take<File>>, position: u64 },
    /// In memory, row-major.
    Loaded(Vec<u8>),
}

/// Elements with their type and shape. All of `data_length` bytes were found to be there, or, where
/// compressed, to be possible, when the array was opened.
pub(super) struct Array {
    /// File and name, for messages.
    pub label: String,
    pub dtype: DataType,
    pub shape: Vec<usize>,
    big_endian: bool,
    elements: Elements,
}

impl Array {
    /// The array behind a `.npy` header. One in Fortran order is loaded here and now, since its samples lie
    /// scattered over the whole file.
    pub fn new(label: String, header: Header, elements: Elements) -> Result<Self> {
        let length = header.data_length()?;
        let Header { dtype, big_endian, fortran_order, shape, .. } = header;
        let mut array = Self { label, dtype, shape, big_endian, elements };
        if fortran_order && array.shape.len() > 1 {
            let bytes = array.read(0..length)?;
            array.big_endian = false;
            array.elements = Elements::Loaded(to_row_major(&bytes, &array.shape, dtype.size()));
        }
        Ok(array)
    }

    /// Little-endian elements without a header from the start of the file on.
    pub fn raw(label: String, path: &Path, dtype: DataType, shape: Vec<usize>) -> Self {
        let elements = Elements::Stored { path: path.to_owned(), start: 0 };
        Self { label, dtype, shape, big_endian: false, elements }
    }

    /// Opens a `.npy` file and checks its length against its header.
    pub fn open_npy(path: &Path) -> Result<Self> {
        let label = path.display().to_string();
        let failed = |source| Error::io("read", path, source);
        let mut file = File::open(path).map_err(failed)?;
        let found = file.metadata().map_err(failed)?.len();
        let header = Header::read(&mut file, &label)?;
        let expected = header.data_length().map_err(|error| too_large(&label, &error))?;
        check_length(&label, &header.shape, header.dtype, expected, found.saturating_sub(header.length))?;
        let start = header.length;
        Self::new(label, header, Elements::Stored { path: path.to_owned(), start })
    }

    /// The whole array.
    pub fn read_all(mut self) -> Result<Tensor> {
        let length = self.shape.iter().product::<usize>() * self.dtype.size();
        let bytes = self.read(0..length as u64)?;
        Tensor::from_bytes(self.dtype, self.shape, &bytes)
    }

    /// The elements' bytes in `range`, little-endian. Ranges must ascend from call to call where the array is
    /// compressed.
    pub fn read(&mut self, range: Range<u64>) -> Result<Vec<u8>> {
        let cut_off = |source| {
            Error::new(ErrorKind::Format, format!("{}: damaged or cut off in the data", self.label))
                .with_source(source)
                .with_remedy("write the file again")
        };
        let mut bytes = vec![0; (range.end - range.start) as usize];
        match &mut self.elements {
            Elements::Stored { path, start } => {
                let mut file = File::open(&*path).map_err(|source| Error::io("read", path, source))?;
                file.seek(SeekFrom::Start(*start + range.start)).map_err(cut_off)?;
                file.read_exact(&mut bytes).map_err(cut_off)?;
            }
            Elements::Deflated { stream, position } => {
                let skip = range.start.checked_sub(*position).ok_or_else(|| {
                    Error::new(
                        ErrorKind::Internal,
                        format!("{}: compressed array read backwards", self.label),
                    )
                })?;
                std::io::copy(&mut stream.by_ref().take(skip), &mut std::io::sink()).map_err(cut_off)?;
                stream.read_exact(&mut bytes).map_err(cut_off)?;
                *position = range.end;
            }
            Elements::Loaded(all) => {
                bytes.copy_from_slice(&all[range.start as usize..range.end as usize]);
            }
        }
        if self.big_endian {
            bytes.chunks_exact_mut(self.dtype.size()).for_each(<[u8]>::reverse);
        }
        if self.dtype == DataType::Bool {
            bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
        }
        Ok(bytes)
    }
}

/// Fails unless a file holds as many bytes as its header says.
pub(super) fn check_length(
    label: &str,
    shape: &[usize],
    dtype: DataType,
    expected: u64,
    found: u64,
) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    let problem = if found < expected { "cut off" } else { "longer than its header says" };
    let message = format!("{label}: {problem}: {dtype} {shape:?} needs {expected} bytes, {found} are there");
    Err(Error::new(ErrorKind::Format, message).with_remedy("write the file again"))
}

/// Puts the array's name in front of what is wrong with its shape.
pub(super) fn too_large(label: &str, error: &Error) -> Error {
    Error::new(ErrorKind::Format, format!("{label}: {}", error.message()))
}

/// Reorders elements of `size` bytes so that the last axis varies fastest instead of the first.
fn to_row_major(bytes: &[u8], shape: &[usize], size: usize) -> Vec<u8> {
    let mut ordered = Vec::with_capacity(bytes.len());
    let mut index = vec![0; shape.len()];
    for _ in 0..bytes.len() / size {
        let source = index.iter().zip(shape).rev().fold(0, |offset, (&i, &dim)| offset * dim + i);
        ordered.extend_from_slice(&bytes[source * size..][..size]);
        for (i, &dim) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < dim {
                break;
            }
            *i = 0;
        }
    }
    ordered
}
