//! An array in a file, read a few samples at a time.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use super::bytes::{ByteRange, Reader};
use super::npy::Header;
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Tensor;

/// An array with its type and shape.
///
/// When the array was opened, the file was found to contain all `length` bytes, or, if it is compressed, to
/// be large enough for them. The first read opens the file again, and dropping the array closes it: data may
/// be in more files than a process can open at once.
pub(super) struct Array {
    /// File and name, for messages.
    pub label: String,
    pub dtype: DataType,
    pub shape: Vec<usize>,
    length: u64,
    big_endian: bool,
    fortran_order: bool,
    place: ByteRange,
    content: Content,
}

/// The state after the reads so far.
enum Content {
    Unread,
    Open(Box<Reader>),
    /// Every element, in row-major order. In Fortran order, the elements of a sample are scattered over the
    /// file.
    Loaded(Vec<u8>),
}

impl Array {
    /// Creates the array behind a `.npy` header.
    pub fn new(label: String, header: Header, place: ByteRange) -> Result<Self> {
        let length = header.data_length()?;
        let Header { dtype, big_endian, fortran_order, shape, .. } = header;
        let fortran_order = fortran_order && shape.len() > 1;
        let content = Content::Unread;
        Ok(Self { label, dtype, shape, length, big_endian, fortran_order, place, content })
    }

    /// Creates an array from a file that contains only little-endian elements, without a header.
    pub fn raw(path: &Path, dtype: DataType, shape: Vec<usize>, length: u64) -> Self {
        Self {
            label: path.display().to_string(),
            dtype,
            shape,
            length,
            big_endian: false,
            fortran_order: false,
            place: ByteRange { path: path.to_owned(), start: 0, deflated: None, header: 0, checksum: None },
            content: Content::Unread,
        }
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
        let place = ByteRange {
            path: path.to_owned(),
            start: 0,
            deflated: None,
            header: header.length,
            checksum: None,
        };
        Self::new(label, header, place)
    }

    /// Reads the whole array.
    pub fn read_all(mut self) -> Result<Tensor> {
        let bytes = self.read(0..self.length)?;
        Tensor::from_bytes(self.dtype, self.shape, &bytes)
    }

    /// Reads the elements' bytes in `range`, little-endian. Ranges must ascend from call to call.
    pub fn read(&mut self, range: Range<u64>) -> Result<Vec<u8>> {
        if self.fortran_order && matches!(self.content, Content::Unread) {
            let bytes = self.read_file(0..self.length)?;
            self.content = Content::Loaded(to_row_major(&bytes, &self.shape, self.dtype.size()));
        }
        let mut bytes = match &self.content {
            Content::Loaded(all) => all[range.start as usize..range.end as usize].to_vec(),
            _ => self.read_file(range)?,
        };
        if self.big_endian {
            bytes.chunks_exact_mut(self.dtype.size()).for_each(<[u8]>::reverse);
        }
        if self.dtype == DataType::Bool {
            bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
        }
        Ok(bytes)
    }

    /// Reads bytes as they are in the file.
    fn read_file(&mut self, range: Range<u64>) -> Result<Vec<u8>> {
        let mut reader = match std::mem::replace(&mut self.content, Content::Unread) {
            Content::Open(reader) => reader,
            _ => Box::new(Reader::open(&self.place).map_err(|source| self.unreadable(source))?),
        };
        let bytes = reader.read(range, self.length).map_err(|source| self.unreadable(source))?;
        self.content = Content::Open(reader);
        Ok(bytes)
    }

    fn unreadable(&self, source: std::io::Error) -> Error {
        use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        match source.kind() {
            InvalidData | InvalidInput | UnexpectedEof => {
                Error::new(ErrorKind::Format, format!("{}: damaged or cut off in the data", self.label))
                    .with_source(source)
                    .with_remedy("write the file again")
            }
            _ => Error::io("read", &self.place.path, source),
        }
    }
}

/// Fails unless a file holds as many bytes as its header declares.
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

/// Adds the array's name to an error about its shape.
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
